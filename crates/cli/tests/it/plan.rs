//! `plan`, `status`, quotas, pools and budgets, as a user sees them.

use super::support::{Place, lines};

/// A configuration with these lines in `[service]`, and these sections.
fn place(service: &str, sections: &str) -> Place {
    let place = Place::new("emulator");
    let text = std::fs::read_to_string(place.path("aoai-batch.toml")).unwrap();
    let text = text.replace("[lake]\n", &format!("{service}\n[lake]\n"));
    place.write("aoai-batch.toml", &(text + sections));
    place
}

#[test]
fn a_plan_says_what_a_run_would_do_and_does_nothing() {
    let place = place(
        "enqueued_tokens = 2000",
        "[limits]\npart_share = 0.5\n[tokens]\ndeployments = { m = \"gpt-4o-mini\" }\n",
    );
    place.write("inbox/a.jsonl", &lines("a", 100));
    place.write("inbox/bad.jsonl", "{}\n");
    let ran = place.run(&["plan", "--turnaround", "2h", "--json"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    let plan = &ran.json()[0];
    let files = plan["files"].as_array().unwrap();
    let a = files.iter().find(|file| file["path"].as_str().unwrap().ends_with("a.jsonl")).unwrap();
    let parts = a["parts"].as_array().unwrap();
    assert!(parts.len() > 1, "more than half of the quota is split: {a}");
    assert!(parts.iter().all(|part| part["quota_tokens"].as_u64().unwrap() <= 1000), "{a}");
    assert_eq!(parts.iter().map(|part| part["lines"].as_u64().unwrap()).sum::<u64>(), 100);
    assert_eq!(parts[0]["waits_seconds"], 0);
    assert_eq!(parts[0]["done_after_seconds"], 7200);
    assert!(a["parts"][0]["cost_usd"]["low"].is_string(), "{a}");
    let bad = files.iter().find(|file| file["path"].as_str().unwrap().ends_with("bad.jsonl")).unwrap();
    assert_eq!(bad["verdict"], "rejected");
    assert_eq!(plan["total"]["parts"], parts.len());
    assert_eq!(plan["total"]["rejected"], 1);

    let ran = place.run(&["plan"]);
    for part in [
        "a.jsonl",
        "split at 1000 tokens",
        "would be refused",
        "in all: 1 files",
        "expected to be done after",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    assert_eq!(place.files("inbox"), ["a.jsonl", "bad.jsonl"], "nothing has moved");
    assert!(!place.path("processed").exists() && !place.path(".aoai-batch").exists(), "nothing was written");
}

#[test]
fn status_shows_the_books_after_a_run_over_a_pool() {
    let place = place(
        "set_model = true\nenqueued_tokens = 100000",
        "[pool.east]\ndeployment = \"east-batch\"\n[pool.west]\ndeployment = \"west\"\nweight = 3.0\n",
    );
    for n in 0..8 {
        place.write(&format!("inbox/{n}.jsonl"), &lines(&format!("f{n}"), 5));
    }
    let ran = place.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let ran = place.run(&["status", "--json"]);
    let status = &ran.json()[0];
    let books = status["deployments"].as_array().unwrap();
    let created = |name: &str| {
        let view = books.iter().find(|view| view["deployment"].as_str().unwrap().ends_with(name)).unwrap();
        view["books"]["created"].as_u64().unwrap()
    };
    // Shares of eight to within one batch: whoever stands idle takes the next one, whatever its weight.
    let (east, west) = (created("#east-batch"), created("#west"));
    assert!(east + west == 8 && (5..=7).contains(&west), "{status}");
    let ran = place.run(&["status"]);
    assert!(ran.out.contains("enqueued tokens") && ran.out.contains("emulator#west"), "{}", ran.out);
}

#[test]
fn a_line_that_no_quota_could_admit_is_refused_at_once() {
    let place = place("enqueued_tokens = 10", "");
    place.write("inbox/a.jsonl", &lines("a", 1));
    let ran = place.run(&["plan"]);
    assert!(ran.out.contains("line_exceeds_quota"), "{ran:?}");
    let ran = place.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(place.text("error", "a_error.jsonl").contains("line_exceeds_quota"));
}

#[test]
fn a_budget_ends_the_run_before_it_is_exceeded_and_says_so() {
    let place = place("", "[tokens]\ndeployments = { m = \"gpt-4o-mini\" }\n");
    place.write("inbox/a.jsonl", &lines("a", 5));
    let ran = place.run(&["run", "--once", "--max-cost", "0.0000001"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.out.contains("1 file waiting for money"), "{}", ran.out);
    let status = place.run(&["status"]).out;
    assert!(status.contains("--max-cost is used up"), "{status}");
    let ran = place.run(&["run", "--once", "--max-cost", "1"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn what_is_wrong_with_quotas_pools_and_budgets_is_named() {
    for (service, sections, parts) in [
        ("enqueued_tokens = 0", "", ["enqueued_tokens", "at least 1"]),
        ("enqueued_tokens = -5", "", ["service.enqueued_tokens", "u64"]),
        ("enqueued_tokens = 99999999999999999999", "", ["not", "enqueued_tokens"]),
        ("", "[limits]\npart_share = 1.5\n", ["limits.part_share", "1.5"]),
        (
            "",
            "[limits]\nmax_cost_per_day = -1.0\n[tokens]\ndeployments = { m = \"gpt-4o\" }\n",
            ["limits.max_cost_per_day", "-1"],
        ),
        ("", "[limits]\nmax_cost_per_day = 1.0\n", ["price of the deployment m", "tokens.deployments"]),
        (
            "",
            "[pool.a]\ndeployment = \"x\"\n[pool.b]\ndeployment = \"x\"\n",
            ["pool.a and pool.b", "same deployment"],
        ),
        (
            "",
            "[pool.a]\ndeployment = \"x\"\n[pool.b]\ndeployment = \"y\"\n",
            ["different names", "set_model"],
        ),
        ("", "[pool.a]\nweight = -2.0\n", ["pool.a.weight", "-2"]),
        ("", "[pool.a]\nwait = 1\n", ["pool.a.wait", "weight"]),
    ] {
        let ran = place(service, sections).run(&["plan"]);
        assert_eq!(ran.code, Some(2), "{service} {sections}: {ran:?}");
        for part in parts {
            assert!(ran.err.contains(part), "{part}: {}", ran.err);
        }
    }
}

#[test]
fn small_files_are_sent_as_one_batch_and_come_back_as_they_were() {
    let place = place("", "[limits]\nmerge = true\nmerge_wait = \"1s\"\n");
    for n in 0..4 {
        // The same custom_ids in every file.
        place.write(&format!("inbox/{n}.jsonl"), &lines("same", 3));
    }
    let ran = place.run(&["plan", "--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let plan = &ran.json()[0];
    let bundles: Vec<_> = plan["files"].as_array().unwrap().iter().map(|file| &file["bundle"]).collect();
    assert!(bundles.iter().all(|bundle| !bundle.is_null() && *bundle == bundles[0]), "{plan}");
    let ran = place.run(&["plan"]);
    assert!(ran.out.contains("sent with other small files, in batch 1"), "{}", ran.out);

    let ran = place.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(place.files("inbox").is_empty());
    let files = place.files("processed");
    let outputs: Vec<_> = files.iter().filter(|file| file.ends_with("_output.jsonl")).collect();
    assert_eq!(outputs.len(), 4, "{files:?}");
    for output in outputs {
        let text = std::fs::read_to_string(place.path("processed").join(output)).unwrap();
        let ids: Vec<_> = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["custom_id"].clone())
            .collect();
        assert_eq!(ids, ["same-0", "same-1", "same-2"], "{output}");
    }
    let manifests: Vec<_> = files.iter().filter(|file| file.ends_with("manifest.json")).collect();
    assert_eq!(manifests.len(), 4, "nothing of the bundle is left: {files:?}");
    let bundles: Vec<_> = manifests
        .into_iter()
        .map(|at| {
            let text = std::fs::read(place.path("processed").join(at)).unwrap();
            serde_json::from_slice::<serde_json::Value>(&text).unwrap()["parts"][0]["bundle"].clone()
        })
        .collect();
    assert!(bundles.iter().all(|bundle| bundle.is_string() && *bundle == bundles[0]), "{bundles:?}");
    assert!(
        !place.path("processed/_aoai-batch/bundles").exists()
            || place.files("processed/_aoai-batch/bundles").is_empty()
    );
}
