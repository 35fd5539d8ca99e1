//! A file that is sent while it is validated: read once, and nothing of it is left where it should not have been sent.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use adls_io::{
    DataLake, Deleted, ETag, Entry, LakeWriter, ListMode, Location, ReadOptions, ReadStream, RenameOptions,
};
use aoai_emulator::{FaultEffect, FaultMatch, FaultRule, Operation};
use async_trait::async_trait;
use batch_orchestrator::{Stop, ledger::MemoryLedger, model::PartState};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use tokio::sync::Notify;

use crate::support::{World, at, fast, ids, lines, now};

/// A lake that counts the readings of inputs, and may never come to the end of one.
struct Watched {
    inner: Arc<dyn DataLake>,
    reads: AtomicUsize,
    /// After so many bytes of an input nothing comes any more.
    hangs_after: usize,
    hangs: Arc<Notify>,
}

impl Watched {
    fn new(inner: Arc<dyn DataLake>, hangs_after: usize) -> Arc<Self> {
        Arc::new(Self { inner, reads: AtomicUsize::new(0), hangs_after, hangs: Arc::default() })
    }
}

#[async_trait]
impl DataLake for Watched {
    fn list(&self, directory: &Location, mode: ListMode) -> BoxStream<'static, adls_io::Result<Entry>> {
        self.inner.list(directory, mode)
    }
    async fn head(&self, at: &Location) -> adls_io::Result<Entry> {
        self.inner.head(at).await
    }
    async fn read(&self, at: &Location, options: ReadOptions) -> adls_io::Result<ReadStream> {
        let read = self.inner.read(at, options).await?;
        if at.filesystem != "input" {
            return Ok(read);
        }
        self.reads.fetch_add(1, Ordering::SeqCst);
        if self.hangs_after == usize::MAX {
            return Ok(read);
        }
        let all: Vec<Bytes> = read.body.try_collect().await?;
        let begin = Bytes::from(all.concat()).slice(..self.hangs_after);
        let hangs = self.hangs.clone();
        let never = async move {
            hangs.notify_one();
            std::future::pending().await
        };
        Ok(ReadStream {
            entry: read.entry,
            body: stream::iter([Ok(begin)]).chain(stream::once(never)).boxed(),
        })
    }
    async fn create(&self, at: &Location) -> adls_io::Result<Box<dyn LakeWriter>> {
        self.inner.create(at).await
    }
    async fn rename(&self, from: &Location, to: &Location, options: RenameOptions) -> adls_io::Result<ETag> {
        self.inner.rename(from, to, options).await
    }
    async fn delete(&self, at: &Location, if_match: Option<ETag>) -> adls_io::Result<Deleted> {
        self.inner.delete(at, if_match).await
    }
    async fn delete_directory(&self, at: &Location) -> adls_io::Result<Deleted> {
        self.inner.delete_directory(at).await
    }
    async fn ensure_filesystem(&self, name: &str) -> adls_io::Result<()> {
        self.inner.ensure_filesystem(name).await
    }
}

fn requests(world: &World, operation: Operation) -> u64 {
    world.emulator.control().requests(operation)
}

fn fault(operation: Operation, effect: FaultEffect) -> FaultRule {
    let matching = FaultMatch { operation: Some(operation), ..FaultMatch::default() };
    FaultRule { matching, effect, times: Some(1), skip: 0 }
}

/// Runs until there are so many batches; answers how often inputs were read up to then.
async fn reads_until_created(world: &World, batches: usize) -> usize {
    let lake = Watched::new(world.lake.clone(), usize::MAX);
    let pipeline = world.pipeline_over(lake.clone(), world.client(), world.ledger.clone());
    let (ask, stop) = Stop::new();
    let control = world.emulator.control();
    let created = async {
        while control.snapshot().await.batches.len() < batches {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let reads = lake.reads.load(Ordering::SeqCst);
        ask.send(true).unwrap();
        reads
    };
    let (report, reads) = tokio::join!(pipeline.run(Arc::new(()), stop), created);
    report.unwrap();
    reads
}

/// A world whose batches take their time.
async fn slow_world() -> World {
    let mut config = fast();
    config.batches.in_progress = Duration::from_secs(1);
    World::new(config).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_one_part_is_read_once_and_sent_once() {
    let world = slow_world().await;
    // Some are validated on threads, and in several chunks.
    let inputs = [lines("a", 3), lines("b", 3_000), lines("c", 1)];
    for (name, input) in ["a", "b", "c"].iter().zip(&inputs) {
        world.put(&format!("inbox/{name}.jsonl"), input.clone()).await;
    }
    assert_eq!(reads_until_created(&world, 3).await, 3);
    assert_eq!((requests(&world, Operation::UploadFile), requests(&world, Operation::ListFiles)), (3, 0));
    assert_eq!(world.run().await.completed, 3);
    for (name, input) in ["a", "b", "c"].iter().zip(&inputs) {
        assert_eq!(ids(&world.file("processed", &format!("{name}_output.jsonl")).await), ids(input));
    }
    assert_eq!(requests(&world, Operation::UploadFile), 3);
    assert_eq!(requests(&world, Operation::ListFiles), 1, "the look around at the start; there was no doubt");
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_model_is_rewritten_is_read_twice() {
    let mut world = slow_world().await;
    world.options.service.deployment = Some("deployment-of-ours".into());
    world.options.service.set_model = true;
    world.put("inbox/a.jsonl", lines("a", 3)).await;
    assert_eq!(reads_until_created(&world, 1).await, 2);
    assert_eq!(world.run().await.completed, 1);
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_an_invalid_file_stays_at_the_service() {
    let world = World::new(fast()).await;
    world.put("inbox/small.jsonl", "broken\n").await;
    world.put("inbox/large.jsonl", lines("a", 1_000) + "broken\n").await;
    assert_eq!(world.run().await.rejected, 2);
    assert!(world.file("error", "large_error.jsonl").await.contains("invalid_json_line"));
    assert_eq!((requests(&world, Operation::UploadFile), requests(&world, Operation::DeleteFile)), (2, 2));
    assert_eq!(requests(&world, Operation::ListFiles), 0, "there was no doubt");
    world.assert_clean().await;
}

/// The deletion fails: the next try knows that something may be there.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_an_invalid_file_stays_where_it_cannot_be_deleted_at_once() {
    let world = World::new(fast()).await;
    let effect =
        FaultEffect::Status { code: 500, body: None, retry_after: None, headers: Default::default() };
    world.emulator.control().add_fault(FaultRule { times: Some(9), ..fault(Operation::DeleteFile, effect) });
    world.put("inbox/a.jsonl", "broken\n").await;
    assert_eq!(world.run().await.rejected, 1);
    assert_eq!(requests(&world, Operation::UploadFile), 1);
    assert!(requests(&world, Operation::ListFiles) > 0);
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_split_does_not_stay_there_whole() {
    let mut world = slow_world().await;
    world.options.limits.max_lines = 4;
    let input = lines("a", 10);
    world.put("inbox/a.jsonl", input.clone()).await;
    reads_until_created(&world, 3).await;
    let files = world.emulator.control().snapshot().await.files;
    assert_eq!(files.len(), 3, "one for each part: {files:?}");
    assert_eq!(world.run().await.completed, 1);
    assert_eq!(ids(&world.file("processed", "a_output.jsonl").await), ids(&input));
    assert_eq!(requests(&world, Operation::UploadFile), 4);
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_fails_is_made_again_when_the_file_is_validated() {
    let status =
        |code| FaultEffect::Status { code, body: None, retry_after: None, headers: Default::default() };
    for effect in [status(500), status(429), FaultEffect::ResetBefore, FaultEffect::ResetAfter] {
        let world = slow_world().await;
        world.emulator.control().add_fault(fault(Operation::UploadFile, effect.clone()));
        let input = lines("a", 1_000);
        world.put("inbox/a.jsonl", input.clone()).await;
        assert_eq!(reads_until_created(&world, 1).await, 2, "{effect:?}");
        assert_eq!(world.run().await.completed, 1, "{effect:?}");
        assert_eq!(ids(&world.file("processed", "a_output.jsonl").await), ids(&input));
        world.assert_clean().await;
    }
}

/// And so an invalid one: whether the service took it is not known, and its list is late.
#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_file_is_looked_for_where_its_upload_was_in_doubt() {
    let mut config = fast();
    config.files.list_lag = Duration::from_millis(300);
    let mut world = World::new(config).await;
    world.options.run.list_settle = Duration::from_millis(600);
    world.emulator.control().add_fault(fault(Operation::UploadFile, FaultEffect::ResetAfter));
    world.put("inbox/a.jsonl", "broken\n").await;
    assert_eq!(world.run().await.rejected, 1);
    assert!(requests(&world, Operation::ListFiles) > 0);
    world.assert_clean().await;
}

/// A process that ends in the middle of a pass: the file is cut, and the next run sends it anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_in_the_middle_leaves_nothing() {
    for input in [lines("a", 1_000), "broken\n".repeat(50_000)] {
        let world = World::new(fast()).await;
        world.put("inbox/a.jsonl", input.clone()).await;
        let lake = Watched::new(world.lake.clone(), input.len() / 2);
        let pipeline = world.pipeline_over(lake.clone(), world.client(), world.ledger.clone());
        let (_ask, stop) = Stop::new();
        tokio::select! {
            () = lake.hangs.notified() => {}
            report = pipeline.run(Arc::new(()), stop) => panic!("it came to an end: {report:?}"),
        }
        drop(pipeline);
        world.ledger.forget_leases();
        let report = world.run().await;
        assert_eq!(report.completed + report.rejected, 1, "{report:?}");
        assert!(requests(&world, Operation::ListFiles) > 0, "there was a doubt");
        world.assert_clean().await;
    }
}

/// The process ended when the whole file was there, and before that was written down; its ledger is lost, and the input is
/// taken away.
#[tokio::test(flavor = "multi_thread")]
async fn a_stray_of_a_lost_ledger_goes_with_its_claim() {
    for removed in [false, true] {
        let mut world = World::new(fast()).await;
        world.put("inbox/a.jsonl", lines("a", 3)).await;
        let lake: Arc<dyn DataLake> = world.lake.clone();
        let crash = crate::crash::Crash::new(0, true);
        let pipeline = world.pipeline_over(
            lake.clone(),
            Arc::new(crate::crash::Crashing::<dyn aoai_batch_client::BatchApi>(
                world.client(),
                crash.clone(),
            )),
            world.ledger.clone(),
        );
        let (_ask, stop) = Stop::new();
        tokio::select! {
            () = crash.crashed() => {}
            report = pipeline.run(Arc::new(()), stop) => panic!("it came to an end: {report:?}"),
        }
        drop(pipeline);
        assert_eq!(world.emulator.control().snapshot().await.files.len(), 1, "the stray");
        if removed {
            lake.delete(&at("input", "inbox/a.jsonl"), None).await.unwrap();
        }
        world.ledger = Arc::new(MemoryLedger::new("ledger-2", Arc::new(now)));
        world.options.run.adopt_ledger = Some("ledger-1".into());
        let report = world.run().await;
        assert_eq!(report.completed, u64::from(!removed), "{report:?}");
        world.assert_clean().await;
    }
}

/// What is sent while it is validated takes a place in the window.
#[tokio::test(flavor = "multi_thread")]
async fn no_more_files_are_there_than_there_are_places() {
    let mut world = slow_world().await;
    world.options.run.max_in_flight = 2;
    world.options.run.concurrency = 8;
    for n in 0..8 {
        world.put(&format!("inbox/{n}.jsonl"), lines(&n.to_string(), 20)).await;
    }
    let watch = async {
        let mut most = 0;
        loop {
            let jobs = world.jobs().await;
            let parts = jobs.iter().flat_map(|view| &view.parts);
            most = most.max(parts.filter(|part| PartState::IN_FLIGHT.contains(&part.state.name())).count());
            if jobs.len() == 8 && jobs.iter().all(|view| view.job.state.name() == "done") {
                return most;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let (report, most) = tokio::join!(world.run(), watch);
    assert_eq!((report.completed, most), (8, 2), "{report:?}");
    world.assert_clean().await;
}
