//! The Python accelerator's defects of severity A, each shown to be done right. The numbers are the rows of that
//! table, from the top.

use std::time::Duration;

use adls_io::DataLakeExt;
use aoai_emulator::{
    ExpiryConfig, FaultEffect, FaultMatch, FaultRule, Operation, Outcome, OutcomeRule, QuotaConfig,
    QuotaMode, ResultIds,
};

use crate::support::{Mode, World, at, fast, ids, json, lines};

fn fault(operation: Operation, effect: FaultEffect, times: Option<u32>) -> FaultRule {
    let matching = FaultMatch { operation: Some(operation), ..FaultMatch::default() };
    FaultRule { matching, effect, times, skip: 0 }
}

fn status(code: u16) -> FaultEffect {
    FaultEffect::Status { code, body: None, retry_after: None, headers: Default::default() }
}

fn fails(id: &str, status: u16, code: &str) -> OutcomeRule {
    OutcomeRule {
        fraction: None,
        custom_id_contains: Some(id.into()),
        times: None,
        outcome: Outcome::Error { status, code: code.into(), message: None },
    }
}

/// 1: it waits for `canceled`, the service says `cancelled`, and it never returns.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_batch_ends_and_its_partial_results_are_kept() {
    let mut config = fast();
    config.batches.in_progress = Duration::from_secs(4);
    let world = World::new(config).await;
    world.put("inbox/a.jsonl", lines("a", 40)).await;
    let control = world.emulator.control();
    let cancel = async {
        loop {
            let batches = control.snapshot().await.batches;
            if let Some(batch) = batches.iter().find(|b| b.counts[1] > 3) {
                return control.cancel_batch(&batch.id).unwrap();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let (report, ()) = tokio::join!(world.run(), cancel);
    assert_eq!((report.partial, report.output_lines + report.error_lines), (1, 40));
    assert!(report.output_lines > 0, "completed lines were paid for");
    let errors = world.file("error", "a_error.jsonl").await;
    assert!(errors.contains("cancelled"), "{errors}");
    assert_eq!(ids(&world.file("error", "a_failed.jsonl").await), ids(&errors), "ready to be resubmitted");
    world.assert_clean().await;
}

/// 2: `expired` is not terminal there, so it never returns either.
#[tokio::test(flavor = "multi_thread")]
async fn an_expired_batch_ends_and_its_partial_results_are_kept() {
    let mut config = fast();
    config.batches.expiry = Some(ExpiryConfig { after_lines: Some(6), ..ExpiryConfig::default() });
    let mut world = World::new(config).await;
    // Every batch expires: further attempts are another test's business.
    world.options.attempts.max = 1;
    world.put("inbox/a.jsonl", lines("a", 10)).await;
    let report = world.run().await;
    assert_eq!((report.partial, report.output_lines, report.error_lines), (1, 6, 4));
    assert!(world.file("error", "a_error.jsonl").await.contains("batch_expired"));
    world.assert_clean().await;
}

/// 3 and 4: a successful batch without error file (`null`, `""`, or an empty one) crashes it, and then it deletes
/// the results.
#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_say_no_error_file_is_success() {
    for ids in [ResultIds::Null, ResultIds::Empty, ResultIds::EmptyErrorFile] {
        let mut config = fast();
        config.wire.result_ids = ids;
        let world = World::new(config).await;
        world.put("inbox/a.jsonl", lines("a", 5)).await;
        let report = world.run().await;
        assert_eq!((report.completed, report.output_lines), (1, 5), "{ids:?}");
        assert!(world.files("error").await.is_empty(), "{ids:?}");
        world.assert_clean().await;
    }
}

/// 4, the other half: no success at all; the output id is `null` or `""`.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_without_any_success_keeps_its_errors_and_the_input() {
    for result_ids in [ResultIds::Null, ResultIds::Empty] {
        let mut config = fast();
        config.wire.result_ids = result_ids;
        config.outcomes = vec![fails("a-", 400, "content_filter")];
        let world = World::new(config).await;
        let input = lines("a", 5);
        world.put("inbox/a.jsonl", input.clone()).await;
        let report = world.run().await;
        assert_eq!((report.failed, report.error_lines), (1, 5));
        let errors = world.file("error", "a_error.jsonl").await;
        assert_eq!(ids(&errors), ids(&input));
        assert!(errors.contains("content_filter"));
        assert_eq!(world.file("error", "/a.jsonl").await, input, "the input goes where no line succeeded");
        assert!(world.files("processed").await.is_empty());
        world.assert_clean().await;
    }
}

/// 5 and 6: a failing write of the results, and then it deletes results and input.
#[tokio::test(flavor = "multi_thread")]
async fn results_that_cannot_be_written_are_kept_at_the_service_until_they_can() {
    let world = World::new(fast()).await;
    world.put("inbox/a.jsonl", lines("a", 5)).await;
    let full = std::sync::Arc::new(crate::bad_input::Faulty::full_disk(world.lake.clone(), "output"));
    let (_ask, stop) = batch_orchestrator::Stop::new();
    let problems = std::sync::Arc::new(crate::support::Problems::default());
    let pipeline = world.pipeline_over(full.clone(), world.client(), world.ledger.clone());
    let report = pipeline.run(problems.clone(), stop).await.unwrap();
    assert!(report.gave_up && report.in_flight == 1, "{report:?}");
    let problems = problems.0.lock().unwrap().clone();
    assert!(problems.iter().any(|p| p.contains("no space left")), "{problems:?}");
    assert_eq!(world.files("input").await.len(), 1, "the input is where it was");
    assert!(!world.emulator.control().snapshot().await.files.is_empty(), "the results are where they were");
    // Room is made, and the next run finishes without another batch.
    assert_eq!(world.run().await.completed, 1);
    assert_eq!(world.emulator.control().snapshot().await.batches.len(), 1);
    world.assert_clean().await;
}

/// 7: `token_limit_exceeded`, 429 or 5xx at create, and it deletes the input without a retry.
#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_is_refused_for_now_is_tried_again() {
    for code in [429, 503, 500] {
        let config = fast();
        let world = World::new(config).await;
        world.emulator.control().add_fault(fault(Operation::CreateBatch, status(code), Some(2)));
        world.put("inbox/a.jsonl", lines("a", 3)).await;
        assert_eq!(world.run().await.completed, 1, "{code}");
        world.assert_clean().await;
    }
}

/// 7, both ways in which the service says that the token quota is used up.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_token_quota_only_delays() {
    for mode in [QuotaMode::FailFast, QuotaMode::FailLater] {
        let mut config = fast();
        config.quota = QuotaConfig { max_enqueued_tokens: Some(250), mode, ..QuotaConfig::default() };
        let world = World::new(config).await;
        for n in 0..4 {
            world.put(&format!("inbox/{n}.jsonl"), lines(&n.to_string(), 5)).await;
        }
        let report = world.run().await;
        assert_eq!(report.completed, 4, "{mode:?}");
        world.assert_clean().await;
    }
}

/// 8: one failing call before the batch exists, and it deletes the input.
#[tokio::test(flavor = "multi_thread")]
async fn a_passing_fault_of_any_call_changes_nothing() {
    use Operation as O;
    let operations = [
        O::UploadFile,
        O::GetFile,
        O::CreateBatch,
        O::ListBatches,
        O::FileContent,
        O::DeleteFile,
        O::ListFiles,
        O::GetBatch,
    ];
    for operation in operations {
        for effect in [
            status(500),
            status(429),
            FaultEffect::ResetBefore,
            FaultEffect::ResetAfter,
            FaultEffect::TruncateBody { bytes: 10 },
        ] {
            let world = World::new(fast()).await;
            world.emulator.control().add_fault(fault(operation, effect.clone(), Some(1)));
            let input = lines("a", 5);
            world.put("inbox/a.jsonl", input.clone()).await;
            let report = world.run().await;
            assert_eq!(report.completed, 1, "{operation:?} {effect:?}: {report:?}");
            assert_eq!(ids(&world.file("processed", "a_output.jsonl").await), ids(&input));
            world.assert_clean().await;
        }
    }
}

/// 8, where the service reads the lake.
#[tokio::test(flavor = "multi_thread")]
async fn a_passing_fault_changes_nothing_where_the_service_reads_the_lake() {
    use Operation as O;
    let cases = [
        (Mode::Import, vec![O::UploadFile, O::GetFile, O::DeleteFile, O::ListFiles, O::CreateBatch]),
        (Mode::Blob, vec![O::CreateBatch, O::ListBatches, O::GetBatch]),
    ];
    let operations =
        cases.into_iter().flat_map(|(mode, all)| all.into_iter().map(move |operation| (mode, operation)));
    for (mode, operation) in operations {
        for effect in [status(500), FaultEffect::ResetBefore, FaultEffect::ResetAfter] {
            let world = World::in_mode(mode, fast()).await;
            world.emulator.control().add_fault(fault(operation, effect.clone(), Some(1)));
            let input = lines("a", 5);
            world.put("inbox/a.jsonl", input.clone()).await;
            let report = world.run().await;
            assert_eq!(report.completed, 1, "{mode:?} {operation:?} {effect:?}: {report:?}");
            assert_eq!(ids(&world.file("processed", "a_output.jsonl").await), ids(&input));
            world.assert_clean().await;
        }
    }
}

/// 9: it lists recursively but reads and deletes by base name at the top.
#[tokio::test(flavor = "multi_thread")]
async fn files_of_one_name_in_several_directories_are_told_apart() {
    let world = World::new(fast()).await;
    for directory in ["", "sub/", "sub/dir/"] {
        world.put(&format!("inbox/{directory}a.b.jsonl"), lines(&format!("in-{directory}"), 2)).await;
    }
    assert_eq!(world.run().await.completed, 3);
    let files = world.files("processed").await;
    for directory in ["", "sub/", "sub/dir/"] {
        let (_, text) = files
            .iter()
            .find(|(path, _)| {
                path.starts_with(&format!("{directory}a.b_")) && path.ends_with("_output.jsonl")
            })
            .unwrap();
        let found = ids(std::str::from_utf8(text).unwrap());
        assert_eq!(found, [format!("in-{directory}-0000"), format!("in-{directory}-0001")]);
    }
    world.assert_clean().await;
}

/// 10: the copy to the error place may fail, and it deletes the input anyway.
#[tokio::test(flavor = "multi_thread")]
async fn an_input_is_not_moved_before_its_error_report_is_written() {
    let world = World::new(fast()).await;
    world.put("inbox/a.jsonl", "broken\n").await;
    let full = std::sync::Arc::new(crate::bad_input::Faulty::full_disk(world.lake.clone(), "_metadata"));
    let (_ask, stop) = batch_orchestrator::Stop::new();
    let pipeline = world.pipeline_over(full, world.client(), world.ledger.clone());
    pipeline.run(std::sync::Arc::new(()), stop).await.unwrap();
    assert!(world.lake.exists(&at("input", "inbox/a.jsonl")).await.unwrap());
    assert_eq!(world.run().await.rejected, 1);
    assert!(world.file("error", "a_error.jsonl").await.contains("invalid_json_line"));
    let manifest = json(&world.file("error", "manifest.json").await);
    assert_eq!(manifest["outcome"], "rejected");
    world.assert_clean().await;
}

/// B: a half-finished run is orphaned there, and paid again; here the next run goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_stopped_is_resumed_and_not_paid_twice() {
    let mut config = fast();
    config.batches.in_progress = Duration::from_millis(300);
    let world = World::new(config).await;
    world.put("inbox/a.jsonl", lines("a", 5)).await;
    let (ask, stop) = batch_orchestrator::Stop::new();
    let pipeline = world.pipeline();
    let control = world.emulator.control();
    let ask_later = async {
        while control.snapshot().await.batches.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        ask.send(true).unwrap();
    };
    let (report, ()) = tokio::join!(pipeline.run(std::sync::Arc::new(()), stop), ask_later);
    let report = report.unwrap();
    assert!(report.interrupted && report.in_flight == 1, "{report:?}");
    assert_eq!(world.run().await.completed, 1);
    assert_eq!(world.emulator.control().snapshot().await.batches.len(), 1);
    world.assert_clean().await;
}
