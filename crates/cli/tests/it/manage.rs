//! `retry` of what is done, and `gc`, by the binary.

use crate::support::{EmulatorProcess, Place, ids, lines};

fn world(settings: &str) -> (EmulatorProcess, Place) {
    let quick = "[batches]\nvalidating = \"10ms\"\nin_progress = \"20ms\"\nfinalizing = \"10ms\"\n";
    let emulator = EmulatorProcess::start(&Place::new("emulator"), &format!("{quick}{settings}"));
    let place = Place::new(&emulator.url);
    place.write("inbox/a.jsonl", &lines("a", 4));
    (emulator, place)
}

fn job(place: &Place, part: &str) -> String {
    let status = place.run(&["status", "--json"]);
    let jobs = status.json()[0]["jobs"].as_array().unwrap().clone();
    let job = jobs.iter().find(|job| job["path"].as_str().unwrap().contains(part)).unwrap();
    job["job"].as_str().unwrap()[..8].to_owned()
}

#[test]
fn what_failed_is_sent_again_on_request() {
    let (emulator, place) = world(
        "[[outcomes]]\ncustom_id_contains = \"a-1\"\ntimes = 1\n\
         outcome = { error = { status = 400, code = \"content_filter\" } }\n",
    );
    assert_eq!(place.run(&["run", "--once"]).code, Some(3));
    let first = job(&place, "a.jsonl");
    let retry = place.run(&["retry", &first, "--json"]);
    assert_eq!(retry.code, Some(0), "{retry:?}");
    assert_eq!(retry.json()[0]["input"], format!("input/a.retry-{first}.jsonl"));
    let again = place.run(&["retry", &first]);
    assert!(again.code == Some(2) && again.err.contains("is there already"), "{again:?}");
    assert_eq!(place.run(&["run", "--once"]).code, Some(0));
    assert_eq!(ids(&place.text("processed", &format!("retry-{first}_output.jsonl"))), ["a-1"]);
    let second = job(&place, "retry-");
    let again = place.run(&["retry", &first]);
    assert!(again.err.contains("sent again before") && again.err.contains(&second), "{again:?}");
    let nothing = place.run(&["retry", &second]);
    assert!(nothing.code == Some(2) && nothing.err.contains("--all"), "{nothing:?}");
    assert_eq!(place.run(&["retry", &second, "--all"]).code, Some(0));
    assert_eq!(place.run(&["retry", &second, "--all", "--resolve", "fail"]).code, Some(2));
    assert_eq!(place.run(&["run", "--once"]).code, Some(0));
    assert_eq!(emulator.get("books")["billed_total"], 3 + 1 + 1);
    assert_eq!(place.run(&["audit"]).code, Some(0));
}

#[test]
fn gc_wants_a_ledger_and_finds_nothing_after_a_clean_run() {
    let (_emulator, place) = world("");
    let none = place.run(&["gc"]);
    assert!(none.code == Some(2) && none.err.contains("no ledger"), "{none:?}");
    assert_eq!(place.run(&["run", "--once"]).code, Some(0));
    let ran = place.run(&["gc", "--dry-run"]);
    assert!(ran.code == Some(0) && ran.out.contains("0 would be removed"), "{ran:?}");
    let ran = place.run(&["gc", "--json"]);
    assert_eq!(ran.json().last().unwrap()["removed"], 0, "{ran:?}");

    // A process that was killed while it wrote, the day before yesterday; and one that writes now.
    std::fs::create_dir_all(place.path("processed/x")).unwrap();
    place.write("processed/x/.aoai-tmp-old", "half");
    place.write("processed/.aoai-tmp-new", "half");
    let old = std::fs::File::options().write(true).open(place.path("processed/x/.aoai-tmp-old")).unwrap();
    #[expect(clippy::disallowed_methods, reason = "the age of a file on the real disk")]
    let then = std::time::SystemTime::now() - std::time::Duration::from_hours(48);
    old.set_modified(then).unwrap();
    let ran = place.run(&["gc", "--dry-run"]);
    assert!(ran.out.contains("1 would be removed") && ran.out.contains("x/.aoai-tmp-old"), "{ran:?}");
    let ran = place.run(&["gc", "--json"]);
    assert_eq!(ran.json().last().unwrap()["removed"], 1, "{ran:?}");
    assert_eq!(
        (place.path("processed/x/.aoai-tmp-old").exists(), place.path("processed/.aoai-tmp-new").exists()),
        (false, true)
    );
}

#[test]
fn what_the_ledger_keeps_is_at_least_two_days() {
    let place = Place::new("emulator");
    place.append("aoai-batch.toml", "[ledger]\nkeep = \"1h\"\n");
    let ran = place.run(&["run", "--once"]);
    assert!(
        ran.code == Some(2) && ran.err.contains("ledger.keep is 1h, expected at least 2 days"),
        "{ran:?}"
    );
}
