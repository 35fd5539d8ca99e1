//! `doctor --probe`: each finding, both ways.

use std::time::Duration;

use aoai_emulator::{Deviation, EmulatorConfig, InUseDelete, ListFilter, ListOrder, MetadataFate, Operation};
use serde_json::Value;

use super::support::Lake;
use crate::support::{EmulatorProcess, Place, Ran, lines};

/// What a round of probes came to.
#[derive(Debug)]
pub(super) struct Probed {
    pub(super) ran: Ran,
    report: Value,
}

impl Probed {
    pub(super) fn new(ran: Ran) -> Self {
        let mut json = ran.json();
        assert_eq!(json.len(), 1, "one JSON value: {ran:?}");
        Self { report: json.remove(0), ran }
    }

    /// Outcome and text of a finding.
    pub(super) fn get(&self, name: &str) -> (&str, String) {
        let probes = self.report["probe"]["probes"].as_array().expect(&self.ran.out);
        let found: Vec<_> = probes.iter().filter(|probe| probe["name"] == name).collect();
        assert!(
            found.len() == 1 || name == "clean-up" && !found.is_empty(),
            "{name} in {:#}",
            self.report["probe"]
        );
        (found[0]["outcome"].as_str().unwrap(), found[0].to_string())
    }

    pub(super) fn left(&self) -> Vec<&str> {
        self.report["probe"]["left"]
            .as_array()
            .expect(&self.ran.out)
            .iter()
            .map(|left| left.as_str().unwrap())
            .collect()
    }

    /// Asserts a finding, part of its text, and the exit code.
    #[track_caller]
    pub(super) fn assert(&self, name: &str, outcome: &str, part: &str, code: i32) -> &Self {
        let found = self.get(name);
        assert!(found.0 == outcome && found.1.contains(part), "expected {outcome}, \"{part}\": {found:?}");
        assert_eq!(self.ran.code, Some(code), "{:#}", self.report["probe"]);
        self
    }
}

pub(super) const PROBE: [&str; 7] =
    ["doctor", "--json", "--probe", "--probe-timeout", "2s", "--probe-list-wait", "1s"];

/// An account and a service with this behaviour; batches run until they are cancelled.
pub(super) fn lake(change: impl FnOnce(&mut EmulatorConfig)) -> Lake {
    let lake = Lake::with(|config| {
        config.batches.in_progress = Duration::from_hours(1);
        change(config);
    });
    lake.configure("request_attempts = 1", "");
    lake.put("input", "inbox/kept.jsonl", &lines("kept", 1));
    lake
}

pub(super) fn probe_with(lake: &Lake, variables: &[(&str, &str)]) -> Probed {
    let mut all = vec![("AOAI_BATCH__RUN__LIST_SETTLE", "60s")];
    all.extend(variables);
    Probed::new(lake.run_with(&PROBE, &all))
}

/// Probes it, and asserts that nothing is left.
fn probe(change: impl FnOnce(&mut EmulatorConfig)) -> Probed {
    let lake = lake(change);
    let probed = probe_with(&lake, &[]);
    assert_eq!(probed.left(), [""; 0]);
    lake.assert_nothing_is_left();
    probed
}

#[test]
fn a_service_that_keeps_its_promises() {
    let lake = lake(|_| {});
    let ran = lake.run_with(
        &["doctor", "--probe", "--probe-timeout", "2s"],
        &[("AOAI_BATCH__RUN__LIST_SETTLE", "60s")],
    );
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains("a fraction of a cent") && ran.err.contains("aob-probe-"), "{}", ran.err);
    for part in [
        "  ok    lake rename onto  an existing file (If-None-Match: *): refused\n",
        "  ok    lake tag          the ETag survives a rename\n",
        "  ok    file name         told by GET, told by the list",
        "  ok    batch identity    input_file_id is told, metadata are told\n",
        "  ok    service clock     by created_at it agrees with ours; by its Date header it agrees with ours\n",
        "  ok    list lag          a new batch is in the list after 100ms (run.list_settle = 1m)\n",
        "  ok    fence             a create on a deleted file is refused (HTTP 400, invalidPayload)\n",
        "  ok    input in use      the batch is in_progress",
        "still ran and was cancelled; it is cancelled\n",
        "  ok    nothing is left of it\n",
    ] {
        assert!(ran.out.contains(part), "no \"{part}\" in:\n{}", ran.out);
    }
    lake.assert_nothing_is_left();
    assert_eq!(lake.control().requests(Operation::CreateBatch), 2, "the first and the fence's");
}

#[test]
fn without_the_flag_nothing_is_made() {
    let lake = lake(|_| {});
    let ran = lake.run(&["doctor", "--json"]);
    assert_eq!((ran.code, ran.json()[0].get("probe")), (Some(0), None));
    for operation in [Operation::UploadFile, Operation::CreateBatch] {
        assert_eq!(lake.control().requests(operation), 0);
    }
    assert_eq!(lake.run(&["doctor", "--probe-timeout", "2s"]).code, Some(2), "it needs --probe");
}

#[test]
fn directories_of_this_machine_and_the_built_in_service_are_probed_too() {
    let place = Place::new("emulator");
    let output = place.command(&PROBE).env("AOAI_BATCH__RUN__LIST_SETTLE", "60s").output().unwrap();
    let probed = Probed::new(Ran::new(&output));
    probed.assert("lake rename onto", "ok", "refused", 0).assert("lake tag", "ok", "survives", 0);
    probed.assert("lake delete", "ok", "refused", 0).assert("lake rename of", "ok", "refused", 0);
    probed.assert("fence", "ok", "refused", 0).assert("list filter", "note", "not probed", 0);
    let left: Vec<_> = std::fs::read_dir(place.path("processed/_aoai-batch")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_file_name_that_is_not_told_or_late() {
    probe(|config| config.wire.omit_filenames = true).assert(
        "file name",
        "warning",
        "NOT told by the list",
        0,
    );
    let late = probe(|config| config.files.list_lag = Duration::from_millis(600));
    late.assert("file name", "ok", "told by the list", 0);
    let never = probe(|config| config.files.list_lag = Duration::from_secs(3600));
    never.assert("file name", "warning", "did not have the file within 1s", 0);
}

#[test]
fn an_expiry_that_is_taken_or_ignored() {
    probe(|_| {}).assert("file expiry", "ok", "took the expiry", 0);
    let lake = lake(|_| {});
    lake.configure("api = \"2024-10-21\"", "");
    probe_with(&lake, &[]).assert("file expiry", "warning", "ignored the expiry", 0);
    lake.assert_nothing_is_left();
}

#[test]
fn a_batch_is_recognised_by_two_things_by_one_or_not_at_all() {
    probe(|config| config.batches.metadata = MetadataFate::Drop).assert(
        "batch identity",
        "ok",
        "metadata are NOT told",
        0,
    );
    probe(|config| config.wire.omit_input_file_ids = true).assert(
        "batch identity",
        "warning",
        "input_file_id is NOT told",
        0,
    );
    let neither = probe(|config| {
        config.wire.omit_input_file_ids = true;
        config.batches.metadata = MetadataFate::Drop;
    });
    neither.assert("batch identity", "unsafe", "cannot be recognised", 3);
    probe(|config| config.batches.metadata = MetadataFate::Refuse).assert(
        "batch identity",
        "failed",
        "metadata are refused (HTTP 400",
        5,
    );
}

#[test]
fn a_clock_that_is_behind() {
    let somewhere = Place::new("emulator");
    let start = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() - 3600;
    let emulator = EmulatorProcess::start(&somewhere, &format!("[clock]\nstart = {start}\n"));
    let place = Place::new(&emulator.url);
    let output = place.command(&PROBE).env("AOAI_BATCH__RUN__LIST_SETTLE", "60s").output().unwrap();
    let probed = Probed::new(Ran::new(&output));
    probed.assert("service clock", "warning", " behind ours; by its Date header it agrees", 0);
    let state = emulator.get("state");
    assert_eq!(state["files"], serde_json::json!([]), "no file is left");
}

#[test]
fn a_list_lag_is_held_against_the_configured_settle_time() {
    let with = |lag: u64, settle: &str| {
        let lake = lake(|config| config.batches.list_lag = Duration::from_millis(lag));
        let probed = probe_with(&lake, &[("AOAI_BATCH__RUN__LIST_SETTLE", settle)]);
        lake.assert_nothing_is_left();
        probed
    };
    let short = with(500, "60s");
    let seconds: Value =
        serde_json::from_str(&short.assert("list lag", "ok", "in the list after", 0).get("list lag").1)
            .unwrap();
    let seconds = seconds["seconds"].as_f64().unwrap();
    assert!((0.5..10.0).contains(&seconds), "{seconds}");
    with(900, "3s").assert("list lag", "warning", "set run.list_settle to ", 0);
    with(500, "400ms").assert("list lag", "unsafe", "paid twice", 3);
    with(3_600_000, "60s").assert("list lag", "warning", "not in the list within", 0);
    with(3_600_000, "500ms").assert("list lag", "unsafe", "--probe-list-wait", 3);
}

#[test]
fn a_create_on_a_deleted_file_is_refused_fails_or_runs() {
    let fails = probe(|config| config.batches.missing_input = Deviation::FailBatch);
    fails.assert("fence", "ok", "the batch fails (invalid_request)", 0);
    let waits = probe(|config| {
        config.batches.missing_input = Deviation::FailBatch;
        config.batches.validating = Duration::from_hours(1);
    });
    waits.assert("fence", "warning", "still validating at the end", 0);
    waits.assert("input in use", "note", "still validating at the end", 0);

    let lake = lake(|config| config.batches.run_deleted_inputs = true);
    let void = probe_with(&lake, &[]);
    void.assert("fence", "unsafe", "THE FENCE IS VOID", 3);
    lake.assert_nothing_is_left();
    assert_eq!(lake.billed(), 0, "both were cancelled before their line was done");
}

#[test]
fn an_input_in_use_is_let_go_held_or_missed() {
    probe(|_| {}).assert("input in use", "ok", "it lives on", 0);
    probe(|config| config.files.delete_in_use = InUseDelete::FailRunning).assert(
        "input in use",
        "warning",
        "the batch is failed",
        0,
    );
    probe(|config| config.files.delete_in_use = InUseDelete::Refuse).assert(
        "input in use",
        "warning",
        "cannot be deleted (HTTP 409, conflict)",
        0,
    );
    let over = probe(|config| {
        config.batches.validating = Duration::ZERO;
        config.batches.in_progress = Duration::ZERO;
    });
    over.assert("input in use", "note", "not observed: the batch was ", 0);
    let ends = probe(|config| config.batches.in_progress = Duration::from_millis(700));
    ends.assert("input in use", "ok", "to its end", 0);
}

#[test]
fn filters_are_applied_ignored_or_refused() {
    for (mode, part) in [
        (ListFilter::Apply, "$filter is applied"),
        (ListFilter::Ignore, "$filter is ignored"),
        (ListFilter::Refuse, "$filter is refused (HTTP 400, invalidPayload), $orderby is refused"),
    ] {
        let lake = lake(|config| config.batches.list_filter = mode);
        lake.configure("api = \"2025-04-01-preview\"", "");
        probe_with(&lake, &[]).assert("list filter", "note", part, 0);
        lake.assert_nothing_is_left();
    }
}

#[test]
fn lists_in_either_order_and_with_pages_or_without() {
    let with = |change: &dyn Fn(&mut EmulatorConfig)| {
        let lake = lake(|config| {
            // The second batch is some seconds younger than the first.
            config.batches.missing_input = Deviation::FailBatch;
            config.clock.speed = 100.0;
            config.files.processing = Duration::from_secs(5);
            change(config);
        });
        lake.configure_at(
            &format!("endpoint = \"{}\"\nkey_env = \"TEST_KEY\"\napi = \"2025-04-01-preview\"", lake.url()),
            "",
        );
        lake
    };
    let at = |lake: &Lake| {
        // Time runs too fast for storage, which looks at dates.
        probe_with(
            lake,
            &[
                ("AOAI_BATCH__LAKE__INPUT", "file:./inbox"),
                ("AOAI_BATCH__LAKE__PROCESSED", "file:./processed"),
                ("AOAI_BATCH__LAKE__ERROR", "file:./error"),
            ],
        )
    };
    let good = at(&with(&|config| config.batches.list_filter = ListFilter::Apply));
    good.assert("list order", "ok", "newest first", 0).assert("list pages", "ok", "brings one", 0);
    good.assert("list filter", "note", "$filter is applied, $orderby is applied", 0);
    let odd = at(&with(&|config| {
        config.batches.list_order = ListOrder::OldestFirst;
        config.batches.ignore_limit = true;
    }));
    odd.assert("list order", "warning", "oldest first", 0).assert("list pages", "warning", "brings 2", 0);
}

#[test]
fn a_lake_that_drops_conditions_or_changes_tags() {
    let lax = probe(|config| config.lake.ignore_conditions = true);
    for name in ["lake rename onto", "lake rename of", "lake delete"] {
        lax.assert(name, "unsafe", "CARRIED OUT ALL THE SAME", 3);
    }
    // A file is written under another name and renamed: the checks before the probes see it already.
    let lake = lake(|config| config.lake.rename_changes_etag = true);
    let ran = lake.run(&PROBE);
    assert_eq!(ran.code, Some(5), "{ran:?}");
    assert!(ran.out.contains("the file is another version") && ran.out.contains("left out"), "{}", ran.out);
    assert_eq!(lake.control().requests(Operation::UploadFile), 0);
}
