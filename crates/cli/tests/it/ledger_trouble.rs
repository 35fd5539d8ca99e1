//! What can happen to a ledger under a run: a clear message, a safe stop, and the next run goes on.

use std::{
    fs,
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

use crate::support::{EmulatorProcess, Place, Ran, ids, lines};

fn world(in_progress: &str) -> (EmulatorProcess, Place) {
    let place = Place::new("emulator");
    let settings = format!("[batches]\nvalidating = \"20ms\"\nin_progress = \"{in_progress}\"\n");
    let emulator = EmulatorProcess::start(&place, &settings);
    let place = Place::new(&emulator.url);
    for n in 0..3 {
        place.write(&format!("inbox/{n}.jsonl"), &lines(&format!("f{n}"), 4));
    }
    (emulator, place)
}

/// All three files are done, and each line was paid for once.
fn assert_done(emulator: &EmulatorProcess, place: &Place) {
    for n in 0..3 {
        let text = place.text("processed", &format!("/{n}_output.jsonl"));
        assert_eq!(ids(&text), ids(&lines(&format!("f{n}"), 4)));
    }
    let books = emulator.get("books");
    assert_eq!(books["billed_total"], 12, "{books}");
    assert_eq!(emulator.get("state")["files"], serde_json::json!([]));
}

fn wait_for_batches(emulator: &EmulatorProcess) {
    while emulator.get("state")["batches"].as_array().is_none_or(Vec::is_empty) {
        sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_ledger_that_vanishes_stops_the_run_and_can_be_put_back() {
    let (emulator, place) = world("600ms");
    let child =
        place.command(&["run", "--watch"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for_batches(&emulator);
    fs::rename(place.path(".aoai-batch"), place.path("elsewhere")).unwrap();
    let ran = Ran::new(&child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("vanished while it was in use") && ran.err.contains("put it back"), "{ran:?}");
    assert!(!place.path(".aoai-batch").exists(), "nothing is written into a new one");

    fs::rename(place.path("elsewhere"), place.path(".aoai-batch")).unwrap();
    let ran = place.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_done(&emulator, &place);
}

/// A limit on the size of files is met like a full disk: the write fails.
#[cfg(unix)]
#[test]
fn a_ledger_without_room_stops_the_run_and_the_next_one_goes_on() {
    let (emulator, place) = world("50ms");
    let binary = place.command(&[]).get_program().to_owned();
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 120; exec \"$0\" run --once"])
        .arg(binary)
        .current_dir(place.path(""))
        .env("TEST_KEY", "s3cret-key")
        .env_remove("APP_CONFIG")
        .output()
        .unwrap();
    let ran = Ran::new(&output);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("ledger") && ran.err.contains("room"), "{ran:?}");

    let ran = place.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_done(&emulator, &place);
}

#[test]
fn a_ledger_that_is_damaged_is_not_touched_and_its_lake_is_safe() {
    let (emulator, place) = world("400ms");
    let mut child = place.command(&["run", "--once", "-q"]).spawn().unwrap();
    wait_for_batches(&emulator);
    child.kill().unwrap();
    child.wait().unwrap();
    let ledger = place.path(".aoai-batch/ledger.db");
    let (good, wal) =
        (fs::read(&ledger).unwrap(), fs::read(place.path(".aoai-batch/ledger.db-wal")).unwrap());
    fs::write(&ledger, "scribble".repeat(4096)).unwrap();
    let _ = fs::remove_file(place.path(".aoai-batch/ledger.db-wal"));
    let _ = fs::remove_file(place.path(".aoai-batch/ledger.db-shm"));
    let ran = place.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("damaged, or not a ledger") && ran.err.contains("hint: "), "{ran:?}");
    assert_eq!(fs::read(&ledger).unwrap(), "scribble".repeat(4096).as_bytes());

    // Moved away, a new one begins and respects the claims of the old.
    fs::rename(place.path(".aoai-batch"), place.path("damaged")).unwrap();
    let ran = place.run(&["run", "--once"]);
    assert!(ran.err.contains("left alone: the ledger"), "{ran:?}");

    // And from its backup it goes on.
    fs::write(place.path("damaged/ledger.db"), good).unwrap();
    fs::write(place.path("damaged/ledger.db-wal"), wal).unwrap();
    fs::remove_dir_all(place.path(".aoai-batch")).unwrap();
    fs::rename(place.path("damaged"), place.path(".aoai-batch")).unwrap();
    let ran = place.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_done(&emulator, &place);
}
