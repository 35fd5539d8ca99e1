//! A job that needs a person: what is said of it, and what can be decided.

use crate::support::{EmulatorProcess, Place, ids, lines};

/// A file whose results the service says it does not have, `times` times.
fn quarantined(times: u32) -> (EmulatorProcess, Place, String) {
    let settings = format!(
        "[batches]\nvalidating = \"10ms\"\nin_progress = \"20ms\"\nfinalizing = \"10ms\"\n\
         [[faults]]\ntimes = {times}\nmatch = {{ operation = \"file_content\" }}\n\
         effect = {{ status = {{ code = 404 }} }}\n"
    );
    let place = Place::new("emulator");
    let emulator = EmulatorProcess::start(&place, &settings);
    let place = Place::new(&emulator.url);
    place.write("inbox/a.jsonl", &lines("a", 4));
    let ran = place.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.out.contains("in need of a person") || ran.err.contains("in need of a person"), "{ran:?}");
    let status = place.run(&["status", "--json"]);
    let job = status.json()[0]["jobs"][0]["job"].as_str().unwrap()[..8].to_owned();
    (emulator, place, job)
}

#[test]
fn status_says_why_and_what_can_be_done_and_again_goes_on() {
    let (emulator, place, job) = quarantined(3);
    let status = place.run(&["status", &job]);
    for part in
        ["does not have the output file", "nothing of this job is deleted or sent", "--resolve resubmit"]
    {
        assert!(status.out.contains(part), "{part}: {}", status.out);
    }
    // Nothing happens by itself, and every run says so.
    assert_eq!(place.run(&["run", "--once"]).code, Some(3));
    assert_eq!(place.files("inbox"), ["a.jsonl"]);

    let decided = place.run(&["retry", &job]);
    assert_eq!(decided.code, Some(0), "{decided:?}");
    let ran = place.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ids(&place.text("processed", "/a_output.jsonl")), ids(&lines("a", 4)));
    assert_eq!(emulator.get("books")["paid_twice"], serde_json::json!([]));
    assert_eq!(emulator.get("state")["files"], serde_json::json!([]));
    let again = place.run(&["retry", &job]);
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.err.contains("nothing is to be sent again"), "{again:?}");
}

#[test]
fn a_batch_that_is_given_up_is_sent_again_because_a_person_said_so() {
    let (emulator, place, job) = quarantined(3);
    assert_eq!(place.run(&["retry", &job, "--resolve", "resubmit"]).code, Some(0));
    let ran = place.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ids(&place.text("processed", "/a_output.jsonl")), ids(&lines("a", 4)));
    assert_eq!(emulator.get("books")["billed_total"], 8, "this is what the person chose");
    let left = emulator.get("state")["files"].clone();
    assert_eq!(
        left.as_array().unwrap().len(),
        1,
        "paid results that nobody has fetched are not deleted: {left}"
    );
    assert_eq!(left[0]["purpose"], "batch_output");
}

#[test]
fn a_part_that_is_given_up_is_reported_line_by_line() {
    let (emulator, place, job) = quarantined(30);
    assert_eq!(place.run(&["retry", &job, "--resolve", "fail"]).code, Some(0));
    let ran = place.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    let errors = place.text("error", "/a_error.jsonl");
    assert_eq!(ids(&errors), ids(&lines("a", 4)));
    assert!(errors.contains("given_up"), "{errors}");
    assert_eq!(ids(&place.text("error", "/a_failed.jsonl")), ids(&lines("a", 4)), "ready to be sent again");
    assert_eq!(emulator.get("books")["billed_total"], 4);
}

#[test]
fn another_batch_can_be_named_and_nonsense_is_refused() {
    let (emulator, place, job) = quarantined(3);
    let batch = emulator.get("state")["batches"][0]["id"].as_str().unwrap().to_owned();
    let adopt = format!("adopt={batch}");
    let nowhere = place.run(&["retry", "ffffffff"]);
    assert_eq!(nowhere.code, Some(2), "{nowhere:?}");
    assert_eq!(place.run(&["retry", &job, "--resolve", "perhaps"]).code, Some(2));
    let decided = place.run(&["retry", &job, "--resolve", &adopt, "--json"]);
    assert_eq!(decided.json()[0]["decision"], "adopt", "{decided:?}");
    assert_eq!(place.run(&["run", "--once"]).code, Some(0));
    assert_eq!(emulator.get("books")["billed_total"], 4);
}

#[test]
fn the_work_of_a_lost_ledger_is_taken_over_when_a_person_says_so() {
    let place = Place::new("emulator");
    let emulator = EmulatorProcess::start(&place, "[batches]\nin_progress = \"700ms\"\n");
    let place = Place::new(&emulator.url);
    place.write("inbox/a.jsonl", &lines("a", 4));
    let mut child = place.command(&["run", "--once", "-q"]).spawn().unwrap();
    while emulator.get("state")["batches"].as_array().is_none_or(Vec::is_empty) {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    std::fs::remove_dir_all(place.path(".aoai-batch")).unwrap();

    let ran = place.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    let status = place.run(&["status"]);
    let lost = status.out.split("--adopt-ledger ").nth(1).expect("the ledger is named").trim();
    let lost: String = lost.chars().take_while(|c| c.is_ascii_hexdigit() || *c == '-').collect();
    let ran = place.run(&["run", "--once", "--adopt-ledger", &lost]);
    assert_eq!(ran.code, Some(0), "{ran:?} for {lost} of {}", status.out);
    assert_eq!(ids(&place.text("processed", "/a_output.jsonl")), ids(&lines("a", 4)));
    assert_eq!(emulator.get("books")["billed_total"], 4, "paid once, by the lost ledger");
    assert_eq!(emulator.get("state")["files"], serde_json::json!([]));
}
