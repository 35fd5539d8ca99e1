//! `retry` of what is done, and `gc`, by the binary.

use crate::support::{EmulatorProcess, Place, Ran, ids, lines};

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

#[test]
fn what_would_cancel_or_repeat_everything_is_refused() {
    for (key, value, part) in [
        ("RUN__DEADLINE", "0s", "run.deadline"),
        ("RUN__STALL_AFTER", "0s", "run.stall_after"),
        ("RETRY__VERDICTS", r#"{""="again"}"#, "empty code"),
        ("OUTPUT__FORMATS", r#"["csv","csv"]"#, "twice"),
    ] {
        let place = Place::new("emulator");
        let output = place.command(&["plan"]).env(format!("AOAI_BATCH__{key}"), value).output().unwrap();
        let ran = Ran::new(&output);
        assert!(ran.code == Some(2) && ran.err.contains(part), "{key}: {ran:?}");
    }
}

/// What somebody has changed is not sent, and what is gone is missed, whatever is left.
#[test]
fn changed_results_are_not_sent_again_and_removed_ones_are_missed() {
    let (_emulator, place) = world("");
    place.write("inbox/b.jsonl", &lines("b", 3));
    assert_eq!(place.run(&["run", "--once"]).code, Some(0));
    let archived = place.files("processed").into_iter().find(|file| file.ends_with("/a.jsonl")).unwrap();
    let text = std::fs::read_to_string(place.path("processed").join(&archived)).unwrap();
    place.write(&format!("processed/{archived}"), &text.replacen("a-1", "a-9", 1));
    let retry = place.run(&["retry", &job(&place, "a.jsonl"), "--all"]);
    assert!(retry.code == Some(2) && retry.err.contains("not what was published"), "{retry:?}");
    assert_eq!(place.files("inbox"), [""; 0], "nothing was put back");

    let directory = archived.split('/').next().unwrap();
    std::fs::remove_dir_all(place.path("processed").join(directory)).unwrap();
    let audit = place.run(&["audit"]);
    assert_eq!(audit.code, Some(3), "{audit:?}");
    assert!(audit.out.contains("missing_directory") && audit.out.contains("in all: 2 jobs"), "{audit:?}");
}

/// One of the two directories of a job is gone; the audit says so and goes on with the others.
#[test]
fn half_of_a_job_that_is_gone_does_not_stop_the_audit() {
    for gone in ["processed", "error"] {
        let (_emulator, place) = world(
            "[[outcomes]]\ncustom_id_contains = \"a-1\"\noutcome = { error = { status = 400, code = \"content_filter\" } }\n",
        );
        place.write("inbox/b.jsonl", &lines("b", 3));
        assert_eq!(place.run(&["run", "--once"]).code, Some(3));
        let file = place.files(gone).into_iter().find(|file| file.starts_with("a_")).unwrap();
        std::fs::remove_dir_all(place.path(gone).join(file.split('/').next().unwrap())).unwrap();
        let audit = place.run(&["audit", "--json"]);
        assert_eq!(audit.code, Some(3), "{audit:?}");
        let told = audit.json();
        let total = &told.last().unwrap()["total"];
        assert_eq!((&total["jobs"], &total["with_findings"]), (&2.into(), &1.into()), "{gone}: {audit:?}");
        assert!(audit.out.contains("missing_directory"), "{gone}: {audit:?}");
    }
}

/// The second run has nothing to do with it, and still says that it is there.
#[test]
fn what_needs_a_person_is_said_by_every_run_and_what_was_answered_is_kept() {
    let (emulator, place) = world(
        "[[outcomes]]\ncustom_id_contains = \"a-1\"\noutcome = { error = { status = 302, code = \"teapot\" } }\n",
    );
    for _ in 0..2 {
        let ran = place.run(&["run", "--once"]);
        assert!(ran.code == Some(3) && ran.out.contains("in need of a person"), "{ran:?}");
    }
    assert!(place.run(&["cancel", "--all"]).out.contains("1 job waits for a person"));
    let job = job(&place, "a.jsonl");
    assert!(place.run(&["status", &job]).out.contains("its batch: batch_"));
    assert_eq!(place.run(&["retry", &job, "--resolve", "fail"]).code, Some(0));
    let ran = place.run(&["run", "--once"]);
    assert!(ran.code == Some(3) && ran.out.contains("3 lines succeeded, 1 failed"), "{ran:?}");
    assert_eq!(ids(&place.text("processed", "/a_output.jsonl")), ["a-0", "a-2", "a-3"]);
    assert_eq!(emulator.get("books")["billed_total"], 3);
    assert_eq!(place.run(&["audit"]).code, Some(0));
}
