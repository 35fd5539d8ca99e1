//! What failed for a passing reason is sent again, and nothing else; in the end it looks as if all had been sent in one piece.

use std::time::Duration;

use adls_io::{Condition, DataLakeExt};
use aoai_emulator::{ExpiryConfig, Outcome, OutcomeRule, RefusedLines};
use batch_orchestrator::{
    MergeOptions, OutputOrder, ResolveError,
    machine::{Resolution, Unresolvable, Verdict},
    resolve,
};

use crate::support::{Mode, World, at, fast, ids, json, line, lines};

fn rule(id: &str, times: Option<u32>, outcome: Outcome) -> OutcomeRule {
    OutcomeRule { fraction: None, custom_id_contains: Some(id.into()), times, outcome }
}

fn error(status: u16, code: &str) -> Outcome {
    Outcome::Error { status, code: code.into(), message: None }
}

async fn world(outcomes: Vec<OutcomeRule>) -> World {
    let mut config = fast();
    config.outcomes = outcomes;
    World::new(config).await
}

async fn decide(world: &World) -> Result<usize, ResolveError> {
    resolve(world.ledger.as_ref(), &world.jobs().await[0], None, &Resolution::Again).await
}

/// What the manifest says was sent is what the service says it was given.
async fn assert_sent(world: &World, manifest: &serde_json::Value) {
    let books = world.emulator.control().books().await;
    for part in manifest["parts"].as_array().unwrap() {
        let batch = books.batches.iter().find(|batch| part["batch_id"] == batch.id).unwrap();
        assert_eq!(part["sent"]["sha256"], batch.input_sha256, "{part}");
    }
}

/// How many lines each batch had, the largest first.
async fn sizes(world: &World) -> Vec<usize> {
    let batches = world.emulator.control().snapshot().await.batches;
    let mut sizes: Vec<_> = batches.iter().map(|batch| batch.counts[0]).collect();
    sizes.sort_by(|a, b| b.cmp(a));
    sizes
}

#[tokio::test(flavor = "multi_thread")]
async fn transient_lines_succeed_in_the_end_and_permanent_ones_are_reported() {
    let world = world(vec![
        rule("-0003", Some(1), error(429, "rate_limit_exceeded")),
        rule("-0005", Some(2), error(500, "oops")),
        rule("-0007", None, error(400, "content_filter")),
        rule("-0008", Some(1), Outcome::Missing),
        rule("-0009", Some(1), Outcome::StatusZero),
    ])
    .await;
    let input = lines("a", 12);
    world.put("inbox/a.jsonl", input.clone()).await;
    let report = world.run().await;
    assert_eq!((report.partial, report.output_lines, report.error_lines), (1, 11, 1), "{report:?}");
    let output = ids(&world.file("processed", "a_output.jsonl").await);
    let expected: Vec<_> = ids(&input).into_iter().filter(|id| id != "a-0007").collect();
    assert_eq!(output, expected, "in the order of the input");
    let errors = world.file("error", "a_error.jsonl").await;
    assert!(ids(&errors) == ["a-0007"] && errors.contains("content_filter"), "{errors}");
    assert_eq!(ids(&world.file("error", "a_failed.jsonl").await), ["a-0007"]);
    assert_eq!(sizes(&world).await, [12, 4, 1]);
    assert_eq!(world.emulator.control().books().await.billed_total, 11);

    let manifest = json(&world.file("processed", "manifest.json").await);
    let parts = manifest["parts"].as_array().unwrap();
    let told: Vec<_> = parts
        .iter()
        .map(|part| {
            (part["attempt"].as_u64().unwrap(), part["answered"].as_u64().unwrap(), &part["again"]["lines"])
        })
        .collect();
    assert_eq!((told[0].0, told[0].1, told[0].2.as_u64()), (1, 7, Some(4)));
    assert_eq!((told[1].0, told[1].1, told[1].2.as_u64()), (2, 3, Some(1)));
    assert_eq!((told[2].0, told[2].1, told[2].2.as_u64()), (3, 1, None));
    assert_sent(&world, &manifest).await;
    let usage = manifest["tokens"]["completion"].as_u64().unwrap();
    assert!(usage > 0 && report.completion_tokens == usage);
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_expired_batch_has_left_is_sent_again_in_every_mode() {
    for mode in [Mode::Upload, Mode::Import, Mode::Blob] {
        let mut config = fast();
        let expiry = ExpiryConfig { after_lines: Some(6), times: Some(2), ..ExpiryConfig::default() };
        config.batches.expiry = Some(expiry);
        let world = World::in_mode(mode, config).await;
        let input = lines("a", 20);
        world.put("inbox/a.jsonl", input.clone()).await;
        let report = world.run().await;
        assert_eq!((report.completed, report.output_lines), (1, 20), "{mode:?}: {report:?}");
        assert_eq!(ids(&world.file("processed", "a_output.jsonl").await), ids(&input));
        assert_eq!(sizes(&world).await, [20, 14, 8], "{mode:?}");
        assert_sent(&world, &json(&world.file("processed", "manifest.json").await)).await;
        assert_eq!(world.emulator.control().books().await.billed_total, 20);
        world.assert_clean().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_are_capped_and_the_last_failure_is_what_is_reported() {
    let mut world = world(vec![rule("-0001", None, error(429, "rate_limit_exceeded"))]).await;
    world.options.attempts.max = 2;
    world.put("inbox/a.jsonl", lines("a", 3)).await;
    let report = world.run().await;
    assert_eq!((report.partial, report.output_lines, report.error_lines), (1, 2, 1));
    assert!(world.file("error", "a_error.jsonl").await.contains("rate_limit_exceeded"));
    assert_eq!(sizes(&world).await, [3, 1]);
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_and_attempts_make_one_file_in_either_order() {
    for order in [OutputOrder::Input, OutputOrder::Service] {
        let mut world = world(vec![
            rule("-0001", Some(1), error(503, "busy")),
            rule("-0006", Some(2), error(503, "busy")),
            rule("-0010", None, error(400, "invalid_prompt")),
        ])
        .await;
        world.options.limits.max_lines = 4;
        world.options.output.order = order;
        let input = lines("a", 11);
        world.put("inbox/a.jsonl", input.replace('\n', "\r\n")).await;
        let report = world.run().await;
        assert_eq!((report.partial, report.output_lines, report.error_lines), (1, 10, 1), "{report:?}");
        let mut output = ids(&world.file("processed", "a_output.jsonl").await);
        let mut expected = ids(&input);
        expected.retain(|id| id != "a-0010");
        if order == OutputOrder::Service {
            let place = |id: &str| output.iter().position(|found| found == id).unwrap();
            assert!(place("a-0001") > place("a-0000"), "a later attempt comes later");
            output.sort();
        }
        assert_eq!(output, expected);
        assert_sent(&world, &json(&world.file("processed", "manifest.json").await)).await;
        world.assert_clean().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_is_tried_again_like_any_file_and_each_member_gets_its_own() {
    let mut world = world(vec![rule("-0001", Some(1), error(429, "busy"))]).await;
    let wait = Duration::from_millis(100);
    world.options.limits.merge = Some(MergeOptions { wait, ..MergeOptions::default() });
    for name in ["a", "b", "c"] {
        world.put(&format!("inbox/{name}.jsonl"), lines(name, 3)).await;
    }
    let report = world.run().await;
    assert_eq!((report.completed, report.output_lines), (3, 9), "{report:?}");
    for name in ["a", "b", "c"] {
        let output = world.file("processed", &format!("{name}_output.jsonl")).await;
        assert_eq!(ids(&output), ids(&lines(name, 3)));
    }
    assert_eq!(sizes(&world).await, [9, 3]);
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_code_is_for_a_person_and_goes_on_as_decided() {
    for (decision, output, batches) in [(Verdict::Report, 2, 1), (Verdict::Again, 3, 2)] {
        // No HTTP status of a failure, and no code that anybody has heard of.
        let mut world = world(vec![rule("-0001", Some(1), error(302, "teapot"))]).await;
        world.put("inbox/a.jsonl", lines("a", 3)).await;
        let report = world.run().await;
        assert_eq!(report.quarantined, 1, "{report:?}");
        assert_eq!(world.files("input").await.len(), 1, "the input stays");
        let job = world.jobs().await.remove(0).job;
        let reason = format!("{:?}", job.state);
        assert!(reason.contains("`teapot`") && reason.contains("line 2"), "{reason}");
        assert_eq!(sizes(&world).await.len(), 1, "nothing is sent");
        decide(&world).await.unwrap();
        assert_eq!(world.run().await.quarantined, 1, "nothing has changed");
        world.options.attempts.verdicts.own.insert("teapot".into(), decision);
        decide(&world).await.unwrap();
        let report = world.run().await;
        assert_eq!((report.output_lines, report.quarantined), (output, 0), "{report:?}");
        assert_eq!(sizes(&world).await.len(), batches);
        world.assert_clean().await;
        let done = decide(&world).await;
        assert!(matches!(done, Err(ResolveError::Unresolvable(Unresolvable::NotQuarantined))), "{done:?}");
    }
}

/// Validation names the line, by its place in what was sent in that attempt. The others were never looked at.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_refused_for_one_line_is_sent_again_without_it() {
    // A batch that is refused counts no lines.
    for (after_batches, expected) in [(0, vec![11, 0]), (1, vec![12, 2, 0])] {
        let mut config = fast();
        // In the second case, these are what a second attempt is about, and the one that is refused is the second of them.
        let again = |id| rule(id, Some(1), Outcome::Missing);
        config.outcomes = match after_batches {
            0 => Vec::new(),
            _ => ["-0003", "-0009", "-0010"].map(again).into(),
        };
        let (custom_id_contains, code) = ("a-0009".into(), "invalid_request".into());
        config.batches.refused_lines =
            Some(RefusedLines { custom_id_contains, code, after_batches, batches: None });
        let world = World::new(config).await;
        let input = lines("a", 12);
        world.put("inbox/a.jsonl", input.clone()).await;
        let report = world.run().await;
        assert_eq!((report.output_lines, report.error_lines), (11, 1), "{report:?}");
        assert_eq!(ids(&world.file("error", "a_failed.jsonl").await), ["a-0009"]);
        let errors = world.file("error", "a_error.jsonl").await;
        assert!(errors.contains("invalid_request") && errors.contains("is not accepted"), "{errors}");
        let mut answered = ids(&input);
        answered.retain(|id| id != "a-0009");
        assert_eq!(ids(&world.file("processed", "a_output.jsonl").await), answered);
        assert_eq!(sizes(&world).await, expected);
        assert_eq!(world.emulator.control().books().await.billed_total, 11);
        world.assert_clean().await;
    }
}

/// It is not the file's fault that the configuration names a deployment that is none.
#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_does_not_exist_is_waited_for() {
    let mut config = fast();
    config.batches.deployments = vec!["another".into()];
    let mut world = World::new(config.clone()).await;
    world.options.service.deployment = Some("gpt-4o-mini-batch".into());
    world.put("inbox/a.jsonl", lines("a", 3)).await;
    let (report, problems) = world.run_with_problems().await;
    assert!(report.gave_up && report.in_flight == 1, "{report:?}");
    let said =
        |problem: &String| problem.contains("model_not_found") && problem.contains("gpt-4o-mini-batch");
    assert!(!problems.is_empty() && problems.iter().all(said), "{problems:?}");
    assert!(world.files("error").await.is_empty() && world.files("input").await.len() == 1);
    assert_eq!(world.emulator.control().books().await.billed_total, 0);

    // Where only the lines say so, it is.
    let world = World::new(config).await;
    world.put("inbox/a.jsonl", lines("a", 3)).await;
    let report = world.run().await;
    assert_eq!((report.failed, report.error_lines), (1, 3), "{report:?}");
    assert!(world.file("error", "a_error.jsonl").await.contains("model_not_found"));
    assert_eq!(sizes(&world).await.len(), 1, "sending it again would not help");
    world.assert_clean().await;
}

/// Nothing is sent again after it was cancelled, so nobody has to say whether it may be.
#[tokio::test(flavor = "multi_thread")]
async fn of_what_is_cancelled_unknown_codes_are_reported() {
    let mut config = fast();
    config.batches.in_progress = Duration::from_millis(300);
    config.outcomes = vec![rule("-0001", None, error(302, "teapot"))];
    let world = World::new(config).await;
    world.put("inbox/a.jsonl", lines("a", 3)).await;
    let control = world.emulator.control();
    let cancel = async {
        while control.snapshot().await.batches.iter().all(|batch| batch.counts[1] + batch.counts[2] < 3) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let keys: Vec<_> = world.jobs().await.into_iter().map(|view| view.job.key).collect();
        batch_orchestrator::manage::cancel(world.ledger.as_ref(), &keys).await.unwrap();
    };
    let (report, ()) = tokio::join!(world.run(), cancel);
    assert_eq!((report.output_lines, report.error_lines, report.quarantined), (2, 1, 0), "{report:?}");
    assert!(world.file("error", "a_error.jsonl").await.contains("teapot"));
    world.assert_clean().await;
}

/// The lines are still in the copy that was sent.
#[tokio::test(flavor = "multi_thread")]
async fn an_input_that_is_replaced_before_its_second_attempt_is_still_complete() {
    for mode in [Mode::Upload, Mode::Blob] {
        let mut config = fast();
        config.batches.in_progress = Duration::from_millis(300);
        config.outcomes = vec![rule("a-0001", Some(1), error(429, "busy"))];
        let world = World::in_mode(mode, config).await;
        world.put("inbox/a.jsonl", lines("a", 3)).await;
        let control = world.emulator.control();
        let replace = async {
            while control.snapshot().await.batches.is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            world.put("inbox/a.jsonl", lines("b", 2)).await;
        };
        let (report, ()) = tokio::join!(world.run(), replace);
        assert_eq!((report.completed, report.output_lines), (1, 3), "{mode:?}: {report:?}");
        let report = world.run().await;
        assert_eq!((report.completed, report.output_lines), (1, 2), "{mode:?}: {report:?}");
        world.assert_clean().await;
    }
}

/// The retry file is the decision; one that contradicts the results is somebody's mistake.
#[tokio::test(flavor = "multi_thread")]
async fn a_decision_that_contradicts_the_results_is_for_a_person() {
    let mut config = fast();
    config.batches.in_progress = Duration::from_millis(300);
    let world = World::new(config).await;
    world.put("inbox/a.jsonl", lines("a", 3)).await;
    let control = world.emulator.control();
    let meddle = async {
        while control.snapshot().await.batches.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let job = world.jobs().await.remove(0).job.key;
        let retry = at("processed", &format!("_aoai-batch/work/{job}/p0001-a1.again.jsonl"));
        world.lake.write_all(&retry, line("a-0002").into(), Condition::Always).await.unwrap();
    };
    let (report, ()) = tokio::join!(world.run(), meddle);
    assert_eq!(report.quarantined, 1, "{report:?}");
    let reason = format!("{:?}", world.jobs().await[0].job.state);
    assert!(reason.contains("a-0002") && reason.contains("which has a result"), "{reason}");
    assert_eq!(control.snapshot().await.batches.len(), 1);
}
