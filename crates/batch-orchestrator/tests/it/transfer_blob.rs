//! The service reads its input from the lake and writes its results there.

use std::time::Duration;

use adls_io::{Condition, Entry, ErrorKind, ListMode};
use aoai_batch_client::Batch;
use aoai_emulator::{ExpiryConfig, FaultEffect, FaultMatch, FaultRule, Operation, Outcome, OutcomeRule};
use futures::StreamExt;

use crate::support::{Mode, World, at, fast, ids, json, line_with, lines};

async fn world() -> World {
    World::in_mode(Mode::Blob, fast()).await
}

async fn world_with_failing_line() -> World {
    let mut config = fast();
    config.outcomes = vec![OutcomeRule {
        fraction: None,
        custom_id_contains: Some("a-0001".into()),
        times: None,
        outcome: Outcome::Error { status: 400, code: "content_filter".into(), message: None },
    }];
    World::in_mode(Mode::Blob, config).await
}

fn faulty_create(effect: FaultEffect) -> FaultRule {
    let matching = FaultMatch { operation: Some(Operation::CreateBatch), ..FaultMatch::default() };
    FaultRule { matching, effect, times: Some(1), skip: 0 }
}

/// The inputs that batches were asked for.
fn inputs(world: &World) -> Vec<String> {
    let created = &world.service.script.lock().unwrap().created;
    created.iter().map(|create| create.input_blob.clone().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_comes_back_complete_and_no_byte_of_it_went_through_here() {
    let world = world().await;
    let input = lines("a", 50);
    world.put("inbox/sub/my data.jsonl", input.clone()).await;
    let report = world.run().await;
    assert_eq!((report.completed, report.output_lines, report.error_lines), (1, 50, 0));
    assert_eq!(ids(&world.file("processed", "my data_output.jsonl").await), ids(&input));
    assert_eq!(world.file("processed", "/my data.jsonl").await, input);
    assert!(world.files("error").await.is_empty(), "an error blob is always told and not always there");
    let manifest = json(&world.file("processed", "manifest.json").await);
    let part = &manifest["parts"][0];
    assert!(part["input_file_id"].is_null());
    assert!(part["input_blob"].as_str().unwrap().ends_with("/staged/p0001-a1-g1.jsonl"), "{part}");
    let created = world.service.script.lock().unwrap().created[0].clone();
    assert!(created.output_folder.unwrap().ends_with("/results/p0001-a1-g1"));
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_and_rewritten_models_are_staged() {
    let mut world = world().await;
    world.options.limits.split = true;
    world.options.limits.max_lines = 2;
    world.options.service.set_model = true;
    world.options.service.deployment = Some("real".into());
    let input: String = ["1", "2", "3", "4", "5"].map(|id| line_with(id, "some-model")).concat();
    world.put("inbox/a.jsonl", input.clone()).await;
    assert_eq!(world.run().await.completed, 1);
    assert_eq!(ids(&world.file("processed", "a_output.jsonl").await), ["1", "2", "3", "4", "5"]);
    assert_eq!(world.file("processed", "/a.jsonl").await, input);
    assert_eq!(inputs(&world).len(), 3);
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_lines_are_read_from_the_error_blob() {
    let world = world_with_failing_line().await;
    world.put("inbox/a.jsonl", lines("a", 3)).await;
    let report = world.run().await;
    assert_eq!((report.partial, report.output_lines, report.error_lines), (1, 2, 1));
    assert!(world.file("error", "a_error.jsonl").await.contains("content_filter"));
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partial_results_of_an_expired_batch_are_kept() {
    let mut config = fast();
    config.batches.expiry = Some(ExpiryConfig { after_lines: Some(6), ..ExpiryConfig::default() });
    let mut world = World::in_mode(Mode::Blob, config).await;
    world.options.attempts.max = 1;
    world.put("inbox/a.jsonl", lines("a", 10)).await;
    let report = world.run().await;
    assert_eq!((report.partial, report.output_lines, report.error_lines), (1, 6, 4));
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_that_is_replaced_while_its_batch_runs_is_two_jobs_and_both_are_whole() {
    let mut config = fast();
    config.batches.in_progress = Duration::from_millis(300);
    config.batches.expiry = Some(ExpiryConfig { after_lines: Some(2), ..ExpiryConfig::default() });
    let mut world = World::in_mode(Mode::Blob, config).await;
    world.options.attempts.max = 1;
    let old = lines("a", 3);
    world.put("inbox/a.jsonl", old.clone()).await;
    let control = world.emulator.control();
    let replace = async {
        while control.snapshot().await.batches.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        world.put("inbox/a.jsonl", lines("b", 2)).await;
    };
    let (report, ()) = tokio::join!(world.run(), replace);
    assert_eq!((report.partial, report.output_lines), (1, 2), "{report:?}");
    let failed = world.file("error", "a_failed.jsonl").await;
    assert_eq!(failed.lines().count(), 1);
    assert!(old.contains(&failed), "out of the staged copy");
    let report = world.run().await;
    assert_eq!((report.completed, report.output_lines), (1, 2), "{report:?}");
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_is_found_again_by_the_input_blob_however_it_is_spelled() {
    let respell: fn(&mut Batch) = |batch| {
        let url = batch.input_blob.take().unwrap();
        batch.input_blob =
            Some(url.replace("_aoai-batch", "%5faoai%2Dbatch").replace("mem://lake", "MEM://Lake") + "?x=1");
    };
    for tamper in [None, Some(respell)] {
        let world = world().await;
        world.service.script.lock().unwrap().tamper = tamper;
        world.emulator.control().add_fault(faulty_create(FaultEffect::ResetAfter));
        world.put("inbox/a.jsonl", lines("a", 3)).await;
        assert_eq!(world.run().await.completed, 1);
        assert_eq!(inputs(&world).len(), 1, "one POST");
        assert_eq!(world.emulator.control().snapshot().await.batches.len(), 1);
        world.assert_clean().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_never_arrived_is_fenced_off_by_taking_the_copy_away() {
    let world = world().await;
    world.emulator.control().add_fault(faulty_create(FaultEffect::ResetBefore));
    world.put("inbox/a.jsonl", lines("a", 3)).await;
    assert_eq!(world.run().await.completed, 1);
    let inputs = inputs(&world);
    assert!(inputs[0].ends_with("-g1.jsonl") && inputs[1].ends_with("-g2.jsonl"), "{inputs:?}");
    assert_eq!(world.emulator.control().snapshot().await.batches.len(), 1);
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_was_taken_away_cannot_be_put_back_by_whoever_was_late() {
    let world = world().await;
    world.emulator.control().add_fault(faulty_create(FaultEffect::ResetBefore));
    world.put("inbox/a.jsonl", lines("a", 3)).await;
    let late = async {
        let fenced = loop {
            let entries: Vec<_> = world.lake.list(&at("processed", ""), ListMode::Recursive).collect().await;
            let empty = |entry: &&Entry| {
                entry.size == 0 && entry.location.path.as_str().ends_with("/staged/p0001-a1-g1.jsonl")
            };
            if let Some(entry) = entries.iter().flatten().find(empty) {
                break entry.location.clone();
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        };
        // As a worker would that was paused in the middle of staging.
        let mut writer = world.lake.create(&fenced).await.unwrap();
        writer.write("late".into()).await.unwrap();
        writer.commit(Condition::IfAbsent).await.unwrap_err().kind
    };
    let late = tokio::time::timeout(Duration::from_secs(20), late);
    let (report, late) = tokio::join!(world.run(), late);
    assert_eq!((report.completed, late.unwrap()), (1, ErrorKind::AlreadyExists));
    world.assert_clean().await;
}

/// Runs a file whose batch needs a person; answers why.
async fn quarantined(world: &World) -> String {
    world.put("inbox/a.jsonl", lines("a", 3)).await;
    let report = world.run().await;
    assert_eq!(report.quarantined, 1, "{report:?}");
    assert_eq!(world.files("input").await.len(), 1, "nothing is deleted");
    assert!(world.files("error").await.is_empty());
    let staged = world.files("processed").await.into_keys().any(|path| path.contains("/staged/"));
    assert!(staged, "nothing is deleted");
    format!("{:?}", world.jobs().await[0].job.state)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_blob_outside_its_folder_is_never_read() {
    let forgeries: [fn(&mut Batch); 6] = [
        |batch| batch.output_blob = Some("mem://lake/input/inbox/a.jsonl".into()),
        |batch| batch.error_blob = Some("mem://lake/input/inbox/a.jsonl".into()),
        |batch| batch.output_blob = Some("https://elsewhere/results.jsonl?sig=x".into()),
        |batch| {
            batch.output_blob = batch.output_blob.take().map(|url| url.replace("g1/", "g1/../../staged/"))
        },
        |batch| {
            batch.output_blob = batch.output_blob.take().map(|url| url.replace("p0001-a1-g1", "p0001-a1-g11"))
        },
        |batch| {
            batch.output_blob = batch.output_blob.take().map(|url| url.replace("p0001-a1-g1", "p0002-a1-g1"))
        },
    ];
    for forge in forgeries {
        let world = world().await;
        world.service.script.lock().unwrap().tamper = Some(forge);
        let reason = quarantined(&world).await;
        assert!(reason.contains("not in the folder that was given"), "{reason}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_blob_that_is_counted_and_missing_is_for_a_person() {
    for (name, what) in [("errors", "1 error lines"), ("results", "2 output lines")] {
        let world = world_with_failing_line().await;
        world.service.script.lock().unwrap().unwritten = Some(name);
        let reason = quarantined(&world).await;
        assert!(reason.contains(what) && reason.contains("there is no"), "{reason}");
    }
    let untold: fn(&mut Batch) = |batch| batch.error_blob = None;
    let world = world_with_failing_line().await;
    world.service.script.lock().unwrap().tamper = Some(untold);
    let reason = quarantined(&world).await;
    assert!(reason.contains("names no blob"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_role_is_said_and_the_file_stays() {
    let world = world().await;
    world.service.script.lock().unwrap().failing_batches = (u32::MAX, "input_no_permissions");
    world.put("inbox/a.jsonl", lines("a", 3)).await;
    let (report, problems) = world.run_with_problems().await;
    assert!(report.gave_up && report.in_flight == 1, "{report:?}");
    assert!(problems.iter().all(|p| p.contains("Storage Blob Data Contributor")), "{problems:?}");
    assert!(world.files("error").await.is_empty());
    world.service.script.lock().unwrap().failing_batches.0 = 0;
    assert_eq!(world.run().await.completed, 1, "done as soon as the role is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_role_is_said_too_where_the_request_is_refused() {
    let world = world().await;
    let body = r#"{"error":{"code":"input_no_permissions","message":"no access"}}"#.to_owned();
    let effect =
        FaultEffect::Status { code: 400, body: Some(body), retry_after: None, headers: Default::default() };
    world.emulator.control().add_fault(FaultRule { times: None, ..faulty_create(effect) });
    world.put("inbox/a.jsonl", lines("a", 3)).await;
    let (report, problems) = world.run_with_problems().await;
    assert!(report.gave_up && report.in_flight == 1, "{report:?}");
    assert!(problems.iter().all(|p| p.contains("Storage Blob Data Contributor")), "{problems:?}");
    world.emulator.control().clear_faults();
    assert_eq!(world.run().await.completed, 1);
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_was_modified_is_made_anew() {
    let world = world().await;
    world.service.script.lock().unwrap().failing_batches = (1, "input_modified");
    world.put("inbox/a.jsonl", lines("a", 3)).await;
    assert_eq!(world.run().await.completed, 1);
    let inputs = inputs(&world);
    assert!(inputs[0].ends_with("-g1.jsonl") && inputs[1].ends_with("-g2.jsonl"), "{inputs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mode_that_is_changed_under_way_is_asked_back_for() {
    let mut config = fast();
    config.batches.in_progress = Duration::from_millis(200);
    let mut world = World::in_mode(Mode::Blob, config).await;
    world.put("inbox/a.jsonl", lines("a", 3)).await;
    let (ask, stop) = batch_orchestrator::Stop::new();
    let (pipeline, control) = (world.pipeline(), world.emulator.control());
    let ask_later = async {
        while control.snapshot().await.batches.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        ask.send(true).unwrap();
    };
    let (report, ()) = tokio::join!(pipeline.run(std::sync::Arc::new(()), stop), ask_later);
    assert_eq!(report.unwrap().in_flight, 1);
    world.set_mode(Mode::Upload);
    let (report, problems) = world.run_with_problems().await;
    assert!(report.gave_up, "{report:?}");
    assert!(problems.iter().any(|p| p.contains("set service.transfer back")), "{problems:?}");
    world.set_mode(Mode::Blob);
    assert_eq!(world.run().await.completed, 1);
    assert_eq!(world.emulator.control().snapshot().await.batches.len(), 1);
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_that_is_gone_before_it_is_staged_is_dropped() {
    let mut config = fast();
    config.batches.in_progress = Duration::from_millis(300);
    let mut world = World::in_mode(Mode::Blob, config).await;
    world.options.run.max_in_flight = 1;
    world.put("inbox/a.jsonl", lines("a", 3)).await;
    world.put("inbox/b.jsonl", lines("b", 3)).await;
    let take_away = async {
        let first = loop {
            if !world.service.script.lock().unwrap().created.is_empty() {
                let jobs = world.jobs().await;
                let sent = |view: &&batch_orchestrator::ledger::JobView| {
                    view.parts.iter().any(|part| part.state.name() != "ready")
                };
                break jobs.iter().find(sent).unwrap().job.input.location.path.file_name().to_owned();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let waiting = if first == "a.jsonl" { "inbox/b.jsonl" } else { "inbox/a.jsonl" };
        world.lake.delete(&at("input", waiting), None).await.unwrap();
    };
    let (report, ()) = tokio::join!(world.run(), take_away);
    assert_eq!((report.completed, report.dropped), (1, 1), "{report:?}");
    world.assert_clean().await;
}
