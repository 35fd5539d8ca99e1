//! The end of a batch, whoever wants it: what it has answered is kept, what was not sent never is.

use std::{sync::Arc, time::Duration};

use aoai_emulator::{EmulatorConfig, FaultEffect, FaultMatch, FaultRule, Operation};
use batch_orchestrator::{
    Event, MergeOptions, Observer, RunReport, Stop,
    ledger::{Ledger, LedgerAdmin},
    manage,
    model::{InputSnapshot, JobKey},
};

use crate::support::{World, fast, ids, json, lines};

/// Batches that take long.
fn slow() -> EmulatorConfig {
    let mut config = fast();
    config.batches.in_progress = Duration::from_secs(20);
    config
}

async fn jobs(world: &World) -> Vec<JobKey> {
    world.jobs().await.into_iter().map(|view| view.job.key).collect()
}

/// Waits until some lines of the only batch are done.
async fn some_done(world: &World) {
    let control = world.emulator.control();
    while control.snapshot().await.batches.iter().all(|batch| batch.counts[1] < 3) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn interrupt_when_some_are_done(world: &World) {
    let (ask, stop) = Stop::new();
    let interrupt = async {
        some_done(world).await;
        ask.send(true).unwrap();
    };
    let pipeline = world.pipeline();
    let (report, ()) = tokio::join!(pipeline.run(Arc::new(()), stop), interrupt);
    assert!(report.unwrap().interrupted);
}

async fn batches(world: &World) -> usize {
    world.emulator.control().snapshot().await.batches.len()
}

fn assert_partial(report: &RunReport, lines: u64) {
    assert_eq!((report.partial, report.output_lines + report.error_lines), (1, lines), "{report:?}");
    assert!(report.output_lines > 0, "what was paid for is kept: {report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_request_the_batch_ends_and_what_it_has_answered_is_published() {
    let mut world = World::new(slow()).await;
    // One batch runs, the other parts wait for a place.
    world.options.limits.max_lines = 100;
    world.options.run.max_in_flight = 1;
    world.put("inbox/a.jsonl", lines("a", 250)).await;
    let cancel = async {
        some_done(&world).await;
        let marked = manage::cancel(world.ledger.as_ref(), &jobs(&world).await).await.unwrap();
        assert_eq!(marked.len(), 1);
    };
    let (report, ()) = tokio::join!(world.run(), cancel);
    assert_partial(&report, 250);
    let errors = world.file("error", "a_error.jsonl").await;
    let codes: Vec<_> = errors
        .lines()
        .map(|line| json(line)["error"]["code"].as_str().unwrap_or_default().to_owned())
        .collect();
    let count = |code: &str| codes.iter().filter(|found| *found == code).count() as u64;
    assert_eq!(count("cancelled"), 150, "two parts were never sent");
    assert_eq!(count("batch_cancelled") + 150, report.error_lines, "{codes:?}");
    assert_eq!(ids(&world.file("error", "a_failed.jsonl").await), ids(&errors), "ready to be sent again");
    assert_eq!(batches(&world).await, 1, "and not sent again by itself");
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_finishes_what_was_cancelled_and_begins_nothing_else() {
    let mut world = World::new(slow()).await;
    world.options.run.max_in_flight = 1;
    world.put("inbox/a.jsonl", lines("a", 40)).await;
    interrupt_when_some_are_done(&world).await;
    let keys = jobs(&world).await;
    world.put("inbox/b.jsonl", lines("b", 3)).await;
    world.put("inbox/c.jsonl", lines("c", 3)).await;
    // One of them was found before, and nothing of it is begun.
    discover(&world, "inbox/c.jsonl").await;
    manage::cancel(world.ledger.as_ref(), &keys).await.unwrap();
    let (_ask, stop) = Stop::new();
    let report = world.pipeline().finish(&keys, Arc::new(()), stop).await.unwrap();
    assert_partial(&report, 40);
    assert_eq!(world.files("input").await.len(), 2, "the others are none of its business");
    assert_eq!(batches(&world).await, 1);
    let states: Vec<_> = world.jobs().await.iter().map(|view| view.job.state.name()).collect();
    assert_eq!(states, ["done", "seen"]);
}

async fn discover(world: &World, path: &str) {
    let location = crate::support::at("input", path);
    let entry = world.lake.head(&location).await.unwrap();
    let input =
        InputSnapshot { location, etag: entry.etag, size: entry.size, modified_ms: entry.modified_ms };
    world.ledger.discover(&world.options.lake.account, &[input], crate::support::now()).await.unwrap();
}

/// Its lines are in a batch together with those of others: there is nothing to wait for.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_a_bundle_stays_in_it_and_is_not_waited_for() {
    let mut world = World::new(slow()).await;
    let wait = Duration::from_millis(100);
    world.options.limits.merge = Some(MergeOptions { wait, ..MergeOptions::default() });
    for name in ["a", "b"] {
        world.put(&format!("inbox/{name}.jsonl"), lines(name, 20)).await;
    }
    interrupt_when_some_are_done(&world).await;
    let views = world.jobs().await;
    let member = views.iter().find(|view| !view.job.is_bundle()).unwrap();
    let bundle = views.iter().find(|view| view.job.is_bundle()).unwrap();
    assert_eq!(manage::bundle_of(member), Some(&bundle.job.key));
    let keys = [member.job.key.clone()];
    assert_eq!(manage::cancel(world.ledger.as_ref(), &keys).await.unwrap(), keys);
    let (_ask, stop) = Stop::new();
    let finished = world.pipeline();
    let report = finished.finish(&keys, Arc::new(()), stop);
    tokio::time::timeout(Duration::from_secs(10), report).await.expect("it ends at once").unwrap();
    let left = world.emulator.control().snapshot().await.batches;
    assert!(left.len() == 1 && left[0].status == "in_progress", "{left:?}");
}

/// Tells that a batch is about to be cancelled.
#[derive(Default)]
struct Reasons(std::sync::Mutex<Vec<String>>);

impl Observer for Reasons {
    fn event(&self, event: &Event<'_>) {
        if let Event::Part(part) = event
            && let Some(cancelling) = part.state.cancelling()
        {
            self.0.lock().unwrap().push(format!("{:?}", cancelling.reason));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stalled_batch_has_left_is_sent_again() {
    let mut config = fast();
    // The first batch hangs in its validation for ever; the time that the others take is none.
    config.batches.validating = Duration::from_millis(1500);
    let mut world = World::new(config).await;
    world.options.run.stall_after = Some(Duration::from_millis(300));
    world.options.attempts.max = 2;
    let input = lines("a", 5);
    world.put("inbox/a.jsonl", input.clone()).await;
    let reasons = Arc::new(Reasons::default());
    let (_ask, stop) = Stop::new();
    let report = world.pipeline().run(reasons.clone(), stop).await.unwrap();
    // Both attempts hang: the first is tried again, the second is reported.
    assert_eq!((report.failed, report.error_lines), (1, 5), "{report:?}");
    assert_eq!(*reasons.0.lock().unwrap(), ["Stalled", "Stalled"]);
    let errors = world.file("error", "a_error.jsonl").await;
    assert!(ids(&errors) == ids(&input) && errors.contains("run.stall_after"), "{errors}");
    assert_eq!(batches(&world).await, 2);
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_gets_on_is_not_stalled_however_long_it_takes() {
    let mut config = fast();
    config.batches.in_progress = Duration::from_secs(2);
    let mut world = World::new(config).await;
    world.options.run.stall_after = Some(Duration::from_millis(700));
    world.put("inbox/a.jsonl", lines("a", 200)).await;
    let report = world.run().await;
    assert_eq!((report.completed, report.output_lines), (1, 200), "{report:?}");
    assert_eq!(batches(&world).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn past_its_deadline_a_file_ends_with_what_it_has() {
    let mut world = World::new(slow()).await;
    world.options.run.deadline = Some(Duration::from_millis(1500));
    world.options.limits.max_lines = 100;
    world.options.run.max_in_flight = 1;
    world.put("inbox/a.jsonl", lines("a", 150)).await;
    let report = world.run().await;
    assert_partial(&report, 150);
    let errors = world.file("error", "a_error.jsonl").await;
    assert!(errors.contains("run.deadline") && errors.contains("deadline_passed"), "{errors}");
    assert_eq!(batches(&world).await, 1, "nothing is sent that would be too late");
    world.assert_clean().await;
}

/// An answer is lost, and then the job is cancelled: the batch is looked for, found and cancelled. Nothing paid is given up.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_uncertain_is_found_before_it_is_cancelled() {
    let mut config = slow();
    config.faults = vec![FaultRule {
        matching: FaultMatch { operation: Some(Operation::CreateBatch), ..FaultMatch::default() },
        effect: FaultEffect::ResetAfter,
        times: Some(1),
        skip: 0,
    }];
    let mut world = World::new(config).await;
    world.options.run.list_settle = Duration::from_millis(400);
    world.put("inbox/a.jsonl", lines("a", 40)).await;
    let cancel = async {
        while batches(&world).await == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        for job in jobs(&world).await {
            assert!(world.ledger.cancel(&job).await.unwrap());
        }
    };
    let (report, ()) = tokio::join!(world.run(), cancel);
    assert_eq!((report.error_lines + report.output_lines, report.quarantined), (40, 0), "{report:?}");
    assert_eq!(batches(&world).await, 1);
    let books = world.emulator.control().books().await;
    assert_eq!(books.billed_total as u64, report.output_lines, "what was paid for is in the output");
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_completes_all_the_same_gives_all_of_its_results() {
    let mut config = fast();
    config.batches.in_progress = Duration::from_millis(150);
    config.batches.finalizing = Duration::from_millis(150);
    let world = World::new(config).await;
    world.put("inbox/a.jsonl", lines("a", 5)).await;
    let cancel = async {
        while world.emulator.control().snapshot().await.batches.iter().all(|batch| batch.counts[1] < 5) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        manage::cancel(world.ledger.as_ref(), &jobs(&world).await).await.unwrap();
    };
    let (report, ()) = tokio::join!(world.run(), cancel);
    assert_eq!(report.output_lines, 5, "{report:?}");
    world.assert_clean().await;
}
