//! What can be wrong with a lake: a clear message, exit code 5, and nothing lost.

use std::{collections::BTreeMap, process::Stdio, thread::sleep, time::Duration};

use aoai_emulator::{FaultEffect, FaultMatch, FaultRule, Operation};

use super::support::{ACCOUNT, Lake, sas};
use crate::support::{Ran, lines};

fn fails(ran: &Ran, parts: &[&str]) {
    assert_eq!(ran.code, Some(5), "{ran:?}");
    for part in parts {
        assert!(ran.err.contains(part), "no \"{part}\" in:\n{}", ran.err);
    }
    assert!(ran.err.contains("hint: "), "what to do is missing in:\n{}", ran.err);
}

#[test]
fn a_filesystem_and_a_directory_that_are_not_there() {
    let lake = Lake::with(|config| config.lake.create_filesystems.clear());
    lake.configure("", "");
    fails(&lake.run(&["run", "--once"]), &["FilesystemNotFound", "\"input\" does not exist"]);
    let lake = Lake::new();
    lake.configure("", "");
    fails(&lake.run(&["run", "--once"]), &["input/inbox", "PathNotFound", "lake.input"]);
}

#[test]
fn an_account_that_is_not_there() {
    let lake = Lake::new();
    lake.configure_at(
        &format!("endpoint = \"{}\"\nkey_env = \"TEST_KEY\"", lake.url()),
        "endpoint = \"https://no-such-account.dfs.core.windows.invalid\"\nauth = \"account_key\"\nkey_env = \"LAKE_KEY\"",
    );
    fails(&lake.run(&["run", "--once"]), &["no-such-account.dfs.core.windows.invalid", "cannot be reached"]);
}

#[test]
fn a_wrong_key_and_a_key_that_is_no_key() {
    let lake = Lake::new();
    lake.configure("", "");
    lake.fill();
    let wrong = lake.run_with(&["run", "--once"], &[("LAKE_KEY", "d3Jvbmc=")]);
    fails(&wrong, &["AuthenticationFailed", "account key is not this account's"]);
    let none = lake.run_with(&["run", "--once"], &[("LAKE_KEY", "not base64!")]);
    assert_eq!(none.code, Some(2), "{none:?}");
    assert!(none.err.contains("base64") && none.err.contains(ACCOUNT), "{}", none.err);
    let unset = lake.run_with(&["run", "--once"], &[("LAKE_KEY", "")]);
    assert_eq!(unset.code, Some(2), "{unset:?}");
    assert!(unset.err.contains("LAKE_KEY") && unset.err.contains("lake.key_env"), "{}", unset.err);
    assert_eq!(lake.files("input").len(), 2, "the inputs are where they were");
}

#[test]
fn a_sas_that_has_ended_or_does_not_suffice() {
    let lake = Lake::new();
    lake.configure_at(
        &format!("endpoint = \"{}\"\nkey_env = \"TEST_KEY\"", lake.url()),
        &format!("endpoint = \"{}/{ACCOUNT}\"\nauth = \"sas\"\nsas_env = \"LAKE_SAS\"", lake.url()),
    );
    lake.fill();
    let ended = sas("racwdlm", "2020-01-01T00:00:00Z");
    fails(&lake.run_with(&["run", "--once"], &[("LAKE_SAS", &ended)]), &["has ended at 2020-01-01"]);
    let narrow = sas("rl", "2099-01-01T00:00:00Z");
    let ran = lake.run_with(&["run", "--once"], &[("LAKE_SAS", &narrow)]);
    assert_eq!(ran.code, Some(5), "{ran:?}");
    assert!(ran.err.contains("racwdlm"), "{}", ran.err);
    assert_eq!(lake.files("input").len(), 2, "the inputs are where they were");
}

#[test]
fn an_account_without_hierarchical_namespace() {
    let lake = Lake::with(|config| config.lake.accounts[0].hierarchical_namespace = false);
    lake.configure("", "");
    fails(&lake.run(&["run", "--once"]), &["no hierarchical namespace", "Enable hierarchical namespace"]);
}

#[test]
fn a_lake_that_throttles() {
    let lake = Lake::new();
    lake.configure("", "request_attempts = 3");
    lake.fill();
    let busy = FaultRule {
        matching: FaultMatch { path_contains: Some(ACCOUNT.to_owned()), ..FaultMatch::default() },
        effect: FaultEffect::Status { code: 503, body: None, retry_after: Some(0), headers: BTreeMap::new() },
        times: None,
        skip: 12,
    };
    lake.control().add_fault(busy);
    let ran = lake.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(5), "{ran:?}");
    assert!(ran.err.contains("ServerBusy") || ran.err.contains("busy"), "{}", ran.err);
    lake.control().clear_faults();
    let ran = lake.run(&["run", "--once"]);
    // A temporary file that could not be deleted then may still be there: no listing shows it.
    lake.assert_results(&ran);
}

#[test]
fn a_filesystem_that_disappears_and_comes_back() {
    let lake = Lake::with(|config| config.batches.in_progress = Duration::from_secs(2));
    lake.configure("", "");
    lake.put("input", "inbox/plain.jsonl", &lines("plain", 5));
    lake.put("input", "inbox/sub dir/odd name +%41#ü.jsonl", &lines("odd", 7));
    let mut command = lake.place.command(&["run", "--once"]);
    let child = command
        .env("LAKE_KEY", super::support::KEY)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while lake.control().requests(Operation::CreateBatch) < 2 {
        sleep(Duration::from_millis(20));
    }
    // The results have nowhere to go while the batches end.
    lake.control().lake_delete_filesystem(ACCOUNT, "done").unwrap();
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(5), "{err}");
    assert!(err.contains("\"done\" does not exist"), "{err}");
    // What was in it is gone, claim markers included, but nothing that was paid for: that is at the service still.
    let ran = lake.run(&["run", "--once"]);
    lake.assert_complete(&ran);
}

#[test]
fn doctor_finds_all_of_it_and_explains_the_rights() {
    let lake = Lake::new();
    lake.configure("transfer = \"import\"", "");
    lake.fill();
    let ran = lake.run(&["doctor"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for part in
        ["hierarchical namespace", "can be listed", "can be moved there", "Storage Blob Data Contributor"]
    {
        assert!(ran.out.contains(part), "no \"{part}\" in:\n{}", ran.out);
    }
    assert_eq!(lake.files("input").len(), 2, "a look changes nothing");
    let wrong = lake.run_with(&["doctor", "--json"], &[("LAKE_KEY", "d3Jvbmc=")]);
    assert_eq!(wrong.code, Some(5), "{wrong:?}");
    let findings = wrong.json().remove(0)["findings"].clone();
    let failed = findings.as_array().unwrap().iter().filter(|finding| finding["outcome"] == "failed");
    assert!(failed.clone().all(|finding| finding["fix"].is_string()) && failed.count() > 0, "{findings}");
}
