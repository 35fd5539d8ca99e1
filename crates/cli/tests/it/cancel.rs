//! `cancel`, by the binary: beside a run, and without one.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use crate::support::{EmulatorProcess, Place, Ran, ids, lines};

fn world() -> (EmulatorProcess, Place) {
    let place = Place::new("emulator");
    let settings = "[batches]\nvalidating = \"10ms\"\nin_progress = \"60s\"\nfinalizing = \"10ms\"\ncancelling = \"200ms\"\n";
    let emulator = EmulatorProcess::start(&place, settings);
    let place = Place::new(&emulator.url);
    place.write("inbox/a.jsonl", &lines("a", 100));
    (emulator, place)
}

#[expect(clippy::disallowed_methods, reason = "a test may give up after so long by the real clock")]
fn until(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(30), "{what} never happened");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn some_lines_done(emulator: &EmulatorProcess) -> bool {
    let batches = emulator.get("state")["batches"].clone();
    batches.as_array().unwrap().iter().any(|batch| batch["counts"][1].as_u64() > Some(0))
}

fn assert_kept(emulator: &EmulatorProcess, place: &Place) {
    let output = ids(&place.text("processed", "/a_output.jsonl"));
    let failed = ids(&place.text("error", "/a_failed.jsonl"));
    assert!(!output.is_empty() && output.len() + failed.len() == 100);
    assert!(place.text("error", "/a_error.jsonl").contains("cancelled on request"));
    assert_eq!(emulator.get("books")["billed_total"], output.len());
    assert_eq!(emulator.get("state")["files"], serde_json::json!([]));
    assert_eq!(place.run(&["audit"]).code, Some(0));
}

#[test]
fn beside_a_run_that_does_the_work() {
    let (emulator, place) = world();
    let mut command = place.command(&["run", "--once"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("an answer", || some_lines_done(&emulator));
    let cancelled = place.run(&["cancel", "--all", "--json"]);
    assert_eq!(cancelled.code, Some(3), "{cancelled:?}");
    let told = &cancelled.json()[0]["cancelled"][0];
    assert_eq!((&told["state"], told["path"].as_str().unwrap()), (&"done".into(), "input/a.jsonl"));
    let ran = Ran::new(&child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.err.contains("cancelling batch") && ran.err.contains("asked for"), "{ran:?}");
    assert_kept(&emulator, &place);
}

#[test]
fn without_a_run_it_does_the_work_itself_and_takes_nothing_new() {
    let (emulator, place) = world();
    let mut command = place.command(&["run", "--once"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("an answer", || some_lines_done(&emulator));
    child.kill().unwrap();
    child.wait().unwrap();
    place.write("inbox/b.jsonl", &lines("b", 3));
    let status = place.run(&["status", "--json"]);
    let job = status.json()[0]["jobs"][0]["job"].as_str().unwrap()[..8].to_owned();
    let marked = place.run(&["cancel", &job, "--no-wait"]);
    assert!(marked.code == Some(0) && marked.out.contains("1 job marked"), "{marked:?}");
    assert!(place.run(&["status", &job]).out.contains("its end was asked for"));
    let cancelled = place.run(&["cancel", &job]);
    assert_eq!(cancelled.code, Some(3), "{cancelled:?}");
    assert!(cancelled.out.contains("a.jsonl: done"), "{cancelled:?}");
    assert_eq!(place.files("inbox"), ["b.jsonl"]);
    assert_kept(&emulator, &place);

    let again = place.run(&["cancel", &job]);
    assert!(again.code == Some(2) && again.err.contains("is done"), "{again:?}");
    assert_eq!(place.run(&["cancel", "--all"]).out.trim(), "nothing is under way");
    assert_eq!(place.run(&["cancel", "0000"]).code, Some(2));
    assert_eq!(place.run(&["cancel"]).code, Some(2));
}
