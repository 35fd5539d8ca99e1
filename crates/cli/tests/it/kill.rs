//! `kill -9` at any time, and run again.

use std::{process::Stdio, thread::sleep, time::Duration};

use crate::support::{EmulatorProcess, Place, ids, lines};

const FILES: usize = 6;
const LINES: usize = 8;

#[test]
fn runs_that_are_killed_are_finished_by_the_next_and_nothing_is_paid_twice() {
    let settings = "[batches]\nvalidating = \"50ms\"\nin_progress = \"150ms\"\nfinalizing = \"50ms\"\n\
                    in_progress_spread = 1.0\n[files]\nprocessing = \"20ms\"\n";
    let somewhere = Place::new("emulator");
    let emulator = EmulatorProcess::start(&somewhere, settings);
    let place = Place::new(&emulator.url);
    for n in 0..FILES {
        place.write(&format!("inbox/{n}.jsonl"), &lines(&format!("f{n}"), LINES));
    }

    // Odd steps: the kills fall into every phase, start-up included.
    for round in 0..20 {
        let mut child = place
            .command(&["run", "--once", "-q"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        sleep(Duration::from_millis(23 * round + 5));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let ran = place.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");

    assert!(place.files("inbox").is_empty());
    let outputs: Vec<_> =
        place.files("processed").into_iter().filter(|f| f.ends_with("_output.jsonl")).collect();
    assert_eq!(outputs.len(), FILES, "{outputs:?}");
    for n in 0..FILES {
        let text = place.text("processed", &format!("/{n}_output.jsonl"));
        assert_eq!(ids(&text), ids(&lines(&format!("f{n}"), LINES)), "complete, in order");
    }
    let books = emulator.get("books");
    assert_eq!(books["paid_twice"], serde_json::json!([]), "{books}");
    assert_eq!(books["lines_paid_twice"], serde_json::json!([]), "{books}");
    assert_eq!(books["billed_total"], FILES * LINES);
    assert_eq!(emulator.get("state")["files"], serde_json::json!([]), "no service file is left");
}

#[test]
fn an_interrupted_run_says_so_and_is_resumed() {
    let somewhere = Place::new("emulator");
    let emulator = EmulatorProcess::start(&somewhere, "[batches]\nin_progress = \"3s\"\n");
    let place = Place::new(&emulator.url);
    place.write("inbox/a.jsonl", &lines("a", 4));
    let child =
        place.command(&["run", "--once"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while emulator.get("state")["batches"].as_array().is_none_or(Vec::is_empty) {
        sleep(Duration::from_millis(20));
    }
    let second = place.run(&["run", "--once"]);
    assert_eq!(second.code, Some(2), "{second:?}");
    assert!(second.err.contains(&format!("process {}", child.id())), "{}", second.err);

    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{err}");
    assert!(err.contains("stopping"), "{err}");

    assert_eq!(place.run(&["run", "--once"]).code, Some(0));
    assert_eq!(emulator.get("state")["batches"].as_array().unwrap().len(), 1);
}
