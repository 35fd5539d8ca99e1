//! `doctor --probe` removes all that it made, also where it failed half-way; and says what it could not remove.

use std::{process::Stdio, thread::sleep, time::Duration};

use aoai_emulator::{FaultEffect, FaultMatch, FaultRule, Operation};

use super::{
    probe::{PROBE, Probed, lake, probe_with},
    support::{KEY, Lake},
};

fn fault(lake: &Lake, operation: Operation, effect: FaultEffect, times: Option<u32>, skip: u32) {
    let matching = FaultMatch { operation: Some(operation), ..FaultMatch::default() };
    lake.control().add_fault(FaultRule { matching, effect, times, skip });
}

fn status(code: u16) -> FaultEffect {
    FaultEffect::Status { code, body: None, retry_after: None, headers: [].into() }
}

#[test]
fn a_create_that_is_refused_leaves_nothing() {
    let lake = lake(|_| {});
    fault(&lake, Operation::CreateBatch, status(400), None, 0);
    let probed = probe_with(&lake, &[]);
    probed.assert("batch identity", "failed", "a batch cannot be created", 5);
    assert_eq!(probed.left(), [""; 0]);
    lake.assert_nothing_is_left();
}

#[test]
fn a_create_whose_answer_is_lost_is_found_and_cancelled() {
    // The first one, or the fence's.
    for (skip, name, code) in [(0, "batch identity", 5), (1, "fence", 0)] {
        let lake = lake(|config| config.batches.run_deleted_inputs = true);
        fault(&lake, Operation::CreateBatch, FaultEffect::ResetAfter, Some(1), skip);
        let probed = probe_with(&lake, &[]);
        let outcome = if code == 0 { "warning" } else { "failed" };
        probed.assert(name, outcome, "", code).assert(
            "clean-up",
            "note",
            "still ran and was cancelled",
            code,
        );
        assert_eq!(probed.left(), [""; 0]);
        lake.assert_nothing_is_left();
    }
}

#[test]
fn a_create_that_may_have_got_lost_is_reported() {
    let lake = lake(|_| {});
    fault(&lake, Operation::CreateBatch, FaultEffect::ResetBefore, Some(1), 0);
    let probed = probe_with(&lake, &[]);
    probed.assert("batch identity", "failed", "a batch cannot be created", 3);
    assert!(probed.left()[0].contains("perhaps a batch on the file file-"), "{probed:?}");
    lake.assert_nothing_is_left();
}

#[test]
fn an_upload_whose_answer_is_lost_is_found_by_its_name() {
    for (skip, name) in [(0, "file name"), (1, "fence")] {
        let lake = lake(|_| {});
        fault(&lake, Operation::UploadFile, FaultEffect::ResetAfter, Some(1), skip);
        let probed = probe_with(&lake, &[]);
        probed.assert(name, "failed", "", 5);
        assert_eq!(probed.left(), [""; 0]);
        lake.assert_nothing_is_left();
    }
}

#[test]
fn what_cannot_be_removed_is_named() {
    let lake = lake(|_| {});
    fault(&lake, Operation::DeleteFile, status(500), None, 0);
    let probed = probe_with(&lake, &[]);
    probed.assert("fence", "failed", "HTTP 500", 3);
    assert_eq!(probed.left().len(), 2, "{probed:?}");
    assert!(probed.left().iter().all(|left| left.starts_with("the file file-")), "{probed:?}");

    let lake = super::probe::lake(|_| {});
    fault(&lake, Operation::CancelBatch, status(500), None, 0);
    let probed = probe_with(&lake, &[]);
    assert_eq!(probed.ran.code, Some(3), "{probed:?}");
    assert!(probed.left()[0].contains("could not be cancelled"), "{probed:?}");
}

#[test]
fn a_failed_delete_in_the_middle_is_made_good_in_the_end() {
    let lake = lake(|_| {});
    fault(&lake, Operation::DeleteFile, status(500), Some(1), 0);
    let probed = probe_with(&lake, &[]);
    assert_eq!((probed.ran.code, probed.left()), (Some(5), Vec::new()), "{probed:?}");
    lake.assert_nothing_is_left();
}

#[test]
fn a_lake_that_fails_half_way_is_left_clean() {
    let lake = lake(|_| {});
    // The checks before the probes delete a file at each of two places; the next is the probes' own.
    fault(&lake, Operation::LakeDelete, status(403), Some(1), 2);
    let probed = probe_with(&lake, &[]);
    assert_eq!(probed.ran.code, Some(5), "{probed:?}");
    lake.assert_nothing_is_left();
}

#[test]
fn an_interrupted_round_is_cleaned_up() {
    let lake = lake(|_| {});
    let mut args = PROBE;
    args[4] = "1m";
    let mut command = lake.place.command(&args);
    let child = command.env("LAKE_KEY", KEY).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let started = (0..1000).any(|_| {
        sleep(Duration::from_millis(10));
        // Both batches are made, and the first one's input is deleted: now they are watched.
        [Operation::CreateBatch, Operation::DeleteFile].iter().all(|made| lake.control().requests(*made) > 1)
    });
    assert!(started, "the probes came to no watching within ten seconds");
    sleep(Duration::from_millis(500));
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let probed = Probed::new(crate::support::Ran::new(&output));
    assert_eq!((probed.ran.code, probed.left()), (Some(4), Vec::new()), "{probed:?}");
    lake.assert_nothing_is_left();
}

#[test]
fn what_failed_before_is_to_be_corrected_before_anything_is_made() {
    let lake = lake(|_| {});
    let ran = lake.run_with(&PROBE, &[("TEST_KEY", "s3cret-but-wrong")]);
    assert_eq!(ran.code, Some(5), "{ran:?}");
    assert!(ran.out.contains("left out: nothing was made"), "{}", ran.out);
    assert_eq!(lake.control().requests(Operation::UploadFile), 0);
}
