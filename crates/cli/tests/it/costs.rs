//! `estimate`: kinds of tokens, costs, samples.

use serde_json::{Value, json};

use super::support::{Place, Ran, lines};

/// Lines for this model; the n-th has about `n % 97 + 1` sentences and allows this many tokens as answer.
fn requests(model: &str, count: usize, answer: Option<u64>) -> String {
    let line = |n: usize| {
        let text =
            format!("Sentence {n} of a text: naïve façades, 日本語 and {} more.", n * n).repeat(n % 97 + 1);
        let mut body = json!({ "model": model, "messages": [{ "role": "user", "content": text }] });
        if let Some(answer) = answer {
            body["max_tokens"] = answer.into();
        }
        json!({ "custom_id": format!("{model}-{n}"), "method": "POST", "url": "/chat/completions", "body": body })
            .to_string()
            + "\n"
    };
    (0..count).map(line).collect()
}

fn number(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap_or_else(|| panic!("{key} in {value}"))
}

/// 10⁻⁶ dollars as the decimal that is printed for programs.
fn usd(tokens_and_micros: &[(u64, u64)]) -> String {
    let picodollars: u64 = tokens_and_micros.iter().map(|(tokens, micros)| tokens * micros).sum();
    let text = format!("{}.{:012}", picodollars / 1_000_000_000_000, picodollars % 1_000_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn place() -> Place {
    let place = Place::new("emulator");
    let text = std::fs::read_to_string(place.path("aoai-batch.toml")).unwrap();
    place.write("aoai-batch.toml", &text.replace("deployment = \"m\"\n", ""));
    place
}

fn estimate(place: &Place, more: &[&str]) -> Ran {
    place.run(&[&["estimate", "inbox"], more].concat())
}

#[test]
fn a_cost_is_a_range_where_every_line_limits_its_answer() {
    let place = place();
    place.write("inbox/a.jsonl", &requests("gpt-4o-mini", 3, Some(100)));
    place.write("inbox/b.jsonl", &requests("gpt-4.1-2025-04-14", 2, None));
    let ran = estimate(&place, &["--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let [a, b, all] = &ran.json()[..] else { panic!("{ran:?}") };
    let kinds = ["text_tokens", "image_tokens", "tool_tokens", "overhead_tokens"];
    for value in [a, b, &all["total"]] {
        let sum: u64 = kinds.iter().map(|kind| number(value, kind)).sum();
        assert_eq!(number(value, "prompt_tokens"), sum, "{value}");
        assert!(number(value, "quota_tokens") > 0, "{value}");
    }
    let tokens = number(a, "prompt_tokens");
    assert_eq!(number(a, "max_output_tokens"), 300);
    assert_eq!(
        a["cost"],
        json!({ "low_usd": usd(&[(tokens, 75_000)]), "high_usd": usd(&[(tokens, 75_000), (300, 300_000)]) })
    );
    assert_eq!((&b["price"]["model"], &b["cost"]["high_usd"]), (&json!("gpt-4.1"), &Value::Null));
    assert_eq!(b["cost"]["low_usd"], json!(usd(&[(number(b, "prompt_tokens"), 1_000_000)])));
    let both = usd(&[(tokens, 75_000), (number(b, "prompt_tokens"), 1_000_000)]);
    assert_eq!(all["total"]["cost"], json!({ "low_usd": both, "high_usd": null }));
    assert_eq!((number(&all["total"], "lines"), number(&all["models"]["gpt-4o-mini"], "lines")), (5, 3));

    let ran = estimate(&place, &[]);
    assert!(ran.out.contains("plus output") && ran.out.contains(" .. $0."), "{}", ran.out);
    for part in ["gpt-4.1: prices of 2026-08-11", "https://prices.azure.com/", "max_completion_tokens"] {
        assert!(ran.err.contains(part), "{part}: {}", ran.err);
    }
}

#[test]
fn what_has_no_price_is_said_to_have_none() {
    let place = place();
    place.write("inbox/a.jsonl", &lines("a", 2));
    let ran = estimate(&place, &[]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("unknown") && !ran.out.contains('$'), "{}", ran.out);
    for part in ["m: no price is known", "[pricing.models]", "[tokens.deployments]"] {
        assert!(ran.err.contains(part), "{part}: {}", ran.err);
    }
    let ran = estimate(&place, &["--json"]);
    assert_eq!((&ran.json()[0]["cost"], &ran.json()[1]["total"]["cost"]), (&Value::Null, &Value::Null));

    place.write("inbox/b.jsonl", &requests("gpt-4o", 2, None));
    let ran = estimate(&place, &[]);
    assert!(ran.out.contains("and 1 files unknown"), "{}", ran.out);
    let all = estimate(&place, &["--json"]).json().pop().unwrap();
    assert_eq!(number(&all["total"], "files_without_price"), 1);
    assert!(all["total"]["cost"]["low_usd"].is_string(), "{all}");
}

#[test]
fn prices_of_ones_own_are_taken_and_a_deployment_is_priced_as_its_model() {
    let place = place();
    place.write("inbox/a.jsonl", &lines("a", 2));
    place.write(
        "prices.toml",
        "date = \"2026-11-01\"\nsource = \"our contract\"\n[models.gpt-4o]\ninput = 7\noutput = 9\n",
    );
    place.append(
        "aoai-batch.toml",
        "[tokens.deployments]\nm = \"gpt-4o-2024-11-20\"\n[pricing]\nfile = \"prices.toml\"\n",
    );
    let ran = estimate(&place, &[]);
    assert!(ran.out.contains("m (gpt-4o-2024-11-20)"), "{}", ran.out);
    assert!(ran.err.contains("gpt-4o: prices of 2026-11-01: our contract"), "{}", ran.err);
    let price = |ran: &Ran| ran.json()[0]["price"]["input"].as_f64();
    assert_eq!(price(&estimate(&place, &["--json"])), Some(7.0));
    place.append("aoai-batch.toml", "[pricing.models.\"gpt-4o\"]\ninput = 0.5\noutput = 1\n");
    assert_eq!(price(&estimate(&place, &["--json"])), Some(0.5));

    place.write("prices.toml", "date = \"2026-11-01\"\n[models.gpt-4o]\ninput = -7\noutput = 9\n");
    let ran = estimate(&place, &[]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("prices.toml") && ran.err.contains("-7 is negative"), "{}", ran.err);
}

#[test]
fn a_sample_comes_near_the_count_and_tells_how_near() {
    let place = place();
    place.write("inbox/a.jsonl", &requests("gpt-4o-mini", 2_000, Some(10)));
    let exact = estimate(&place, &["--json"]).json().remove(0);
    let truth = number(&exact, "prompt_tokens");
    let sampled = |more: &[&str]| estimate(&place, &[&["--json"], more].concat()).json().remove(0);
    let one = sampled(&["--sample", "12.5%"]);
    assert_eq!(number(&one["sample"], "lines"), 250);
    let (low, high) = (number(&one["sample"], "low"), number(&one["sample"], "high"));
    let found = number(&one, "prompt_tokens");
    // That 19 of 20 intervals hold the truth is tested where many are drawn; twice as far is hardly ever missed.
    assert!(found.abs_diff(truth) < high - low && high - low < truth / 20, "{truth}: {one}");
    assert!(low < found && found < high && found != truth, "{truth}: {one}");
    for key in ["lines", "quota_tokens", "max_output_tokens", "image_tokens"] {
        assert_eq!(one[key], exact[key], "{key} needs no counting");
    }
    assert!(one["cost"]["low_usd"].is_string() && one["cost"]["high_usd"].is_string(), "{one}");
    assert_eq!(one, sampled(&["--sample", "12.5%"]), "the same file has the same figure");
    assert_ne!(one["prompt_tokens"], sampled(&["--sample", "250", "--seed", "2"])["prompt_tokens"]);
    assert_eq!(sampled(&["--sample", "250"])["prompt_tokens"], one["prompt_tokens"]);

    let ran = estimate(&place, &["--sample", "250"]);
    assert!(ran.out.contains("sample of 250 ±") && ran.err.contains("95 % confidence"), "{ran:?}");
    for all in [["--sample", "100%"], ["--sample", "5000"]] {
        assert_eq!(sampled(&all), exact, "a sample of all lines is the count");
    }
}

#[test]
fn every_line_is_validated_whatever_is_counted() {
    let place = place();
    let mut text = requests("gpt-4o-mini", 600, None);
    text.push_str("{\"custom_id\":\"x\"}\n");
    place.write("inbox/a.jsonl", &text);
    let ran = estimate(&place, &["--sample", "1%"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.err.contains("not valid, so not counted"), "{}", ran.err);
    for wrong in [["--sample", "0%"], ["--sample", "many"], ["--seed", "3"]] {
        assert_eq!(estimate(&place, &wrong).code, Some(2), "{wrong:?}");
    }
}
