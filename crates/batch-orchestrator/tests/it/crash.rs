//! Crash before and after every single effect of a run, start again, and compare: the first version of the crash
//! matrix. Every new commit or external call is in it by itself, for it wraps the seams.

mod ledger;

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use adls_io::{
    DataLake, Deleted, ETag, Entry, LakeWriter, ListMode, Location, ReadOptions, ReadStream, RenameOptions,
};
use aoai_batch_client::{
    Batch, BatchApi, BatchId, ContentStream, CreateBatch, CreatedBatch, DeletedFile, FileId, FileObject,
    FileQuery, ImportFile, Page, PageQuery, Upload,
};
use async_trait::async_trait;
use batch_orchestrator::{MergeOptions, Stop, ledger::MemoryLedger};
use futures::stream::BoxStream;
use tokio::sync::Notify;

use crate::support::{Mode, World, fast, ids, lines};

/// Counts the effects and stops the world at one of them.
pub(crate) struct Crash {
    effects: AtomicUsize,
    at: usize,
    after: bool,
    crashed: Notify,
    backup_at: usize,
    backup: Mutex<Option<MemoryLedger>>,
}

impl Crash {
    pub(crate) fn new(at: usize, after: bool) -> Arc<Self> {
        Self::with_backup(at, after, usize::MAX)
    }

    /// The same, with a backup of the ledger before an effect.
    pub(crate) fn with_backup(at: usize, after: bool, backup_at: usize) -> Arc<Self> {
        Arc::new(Self {
            effects: AtomicUsize::new(0),
            at,
            after,
            crashed: Notify::new(),
            backup_at,
            backup: Mutex::default(),
        })
    }

    pub(crate) async fn crashed(&self) {
        self.crashed.notified().await;
    }

    pub(crate) fn take_backup(&self) -> Option<MemoryLedger> {
        self.backup.lock().unwrap().take()
    }

    /// Runs an effect; before or after the chosen one the caller never continues.
    async fn effect<T>(&self, effect: impl Future<Output = T>) -> T {
        let number = self.effects.fetch_add(1, Ordering::SeqCst);
        if number > self.at || (number == self.at && !self.after) {
            self.die().await;
        }
        let result = effect.await;
        if number == self.at {
            self.die().await;
        }
        result
    }

    async fn die(&self) {
        self.crashed.notify_one();
        std::future::pending::<()>().await;
    }
}

pub(crate) struct Crashing<T: ?Sized>(pub(crate) Arc<T>, pub(crate) Arc<Crash>);

#[async_trait]
impl DataLake for Crashing<dyn DataLake> {
    fn list(&self, directory: &Location, mode: ListMode) -> BoxStream<'static, adls_io::Result<Entry>> {
        self.0.list(directory, mode)
    }
    async fn head(&self, at: &Location) -> adls_io::Result<Entry> {
        self.0.head(at).await
    }
    async fn read(&self, at: &Location, options: ReadOptions) -> adls_io::Result<ReadStream> {
        self.0.read(at, options).await
    }
    async fn create(&self, at: &Location) -> adls_io::Result<Box<dyn LakeWriter>> {
        let inner = self.0.create(at).await?;
        Ok(Box::new(CrashingWriter(inner, self.1.clone())))
    }
    async fn rename(&self, from: &Location, to: &Location, options: RenameOptions) -> adls_io::Result<ETag> {
        self.1.effect(self.0.rename(from, to, options)).await
    }
    async fn delete(&self, at: &Location, if_match: Option<ETag>) -> adls_io::Result<Deleted> {
        self.1.effect(self.0.delete(at, if_match)).await
    }
    async fn delete_directory(&self, at: &Location) -> adls_io::Result<Deleted> {
        self.1.effect(self.0.delete_directory(at)).await
    }
    async fn ensure_filesystem(&self, name: &str) -> adls_io::Result<()> {
        self.0.ensure_filesystem(name).await
    }
}

struct CrashingWriter(Box<dyn LakeWriter>, Arc<Crash>);

#[async_trait]
impl LakeWriter for CrashingWriter {
    async fn write(&mut self, bytes: bytes::Bytes) -> adls_io::Result<()> {
        self.0.write(bytes).await
    }
    async fn commit(self: Box<Self>, condition: adls_io::Condition) -> adls_io::Result<adls_io::Written> {
        let Self(inner, crash) = *self;
        crash.effect(inner.commit(condition)).await
    }
}

#[async_trait]
impl BatchApi for Crashing<dyn BatchApi> {
    async fn upload_file(&self, upload: Upload) -> aoai_batch_client::Result<FileObject> {
        self.1.effect(self.0.upload_file(upload)).await
    }
    async fn import_file(&self, import: &ImportFile) -> aoai_batch_client::Result<FileObject> {
        self.1.effect(self.0.import_file(import)).await
    }
    async fn get_file(&self, id: &FileId) -> aoai_batch_client::Result<FileObject> {
        self.0.get_file(id).await
    }
    async fn list_files(&self, query: &FileQuery) -> aoai_batch_client::Result<Page<FileObject>> {
        self.0.list_files(query).await
    }
    async fn delete_file(&self, id: &FileId) -> aoai_batch_client::Result<DeletedFile> {
        self.1.effect(self.0.delete_file(id)).await
    }
    async fn file_content(&self, id: &FileId, offset: u64) -> aoai_batch_client::Result<ContentStream> {
        self.0.file_content(id, offset).await
    }
    async fn create_batch(&self, create: &CreateBatch) -> aoai_batch_client::Result<CreatedBatch> {
        self.1.effect(self.0.create_batch(create)).await
    }
    async fn get_batch(&self, id: &BatchId) -> aoai_batch_client::Result<Batch> {
        self.0.get_batch(id).await
    }
    async fn list_batches(&self, query: &PageQuery) -> aoai_batch_client::Result<Page<Batch>> {
        self.0.list_batches(query).await
    }
    async fn cancel_batch(&self, id: &BatchId) -> aoai_batch_client::Result<Batch> {
        self.1.effect(self.0.cancel_batch(id)).await
    }
}

const FILES: usize = 2;
const LINES: usize = 4;

/// A world to crash in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup {
    mode: Mode,
    /// The bytes that the service reads are not those of the input.
    copied: bool,
    /// Both files are sent as one batch.
    merged: bool,
    /// Some lines need a second attempt.
    flaky: bool,
    /// The first batches are refused because of a line, at no cost; later ones would not be.
    refused: bool,
}

impl Setup {
    pub(crate) const MERGED: Self = Self { merged: true, ..Self::of(Mode::Upload) };
    pub(crate) const TWO_ATTEMPTS: Self = Self { flaky: true, ..Self::of(Mode::Upload) };
    pub(crate) const REFUSED: Self = Self { refused: true, ..Self::of(Mode::Upload) };

    pub(crate) const fn of(mode: Mode) -> Self {
        Self { mode, copied: false, merged: false, flaky: false, refused: false }
    }

    pub(crate) const fn copied(mode: Mode) -> Self {
        Self { copied: true, ..Self::of(mode) }
    }
}

pub(crate) async fn world(Setup { mode, copied, merged, flaky, refused }: Setup) -> World {
    let mut config = fast();
    config.outcomes = vec![aoai_emulator::OutcomeRule {
        fraction: None,
        custom_id_contains: Some("f1-0002".into()),
        times: None,
        outcome: aoai_emulator::Outcome::Error { status: 400, code: "content_filter".into(), message: None },
    }];
    if flaky {
        config.outcomes.push(aoai_emulator::OutcomeRule {
            fraction: None,
            custom_id_contains: Some("-0001".into()),
            times: Some(1),
            outcome: aoai_emulator::Outcome::Error { status: 429, code: "busy".into(), message: None },
        });
    }
    config.batches.refused_lines = refused.then(|| aoai_emulator::RefusedLines {
        custom_id_contains: "f1-0002".into(),
        code: "invalid_request".into(),
        after_batches: 0,
        batches: Some(FILES as u64),
    });
    let mut world = World::in_mode(mode, config).await;
    world.options.service.deployment = copied.then(|| "deployment-of-ours".to_owned());
    world.options.service.set_model = copied;
    let wait = std::time::Duration::from_millis(30);
    world.options.limits.merge = merged.then(|| MergeOptions { wait, ..MergeOptions::default() });
    for n in 0..FILES {
        world.put(&format!("inbox/{n}.jsonl"), lines(&format!("f{n}"), LINES)).await;
    }
    world.put("inbox/bad.jsonl", "not json\n").await;
    world
}

/// Runs until the crash, or to the end if there are fewer effects; tells how many there were.
pub(crate) async fn run_until_crash(world: &World, crash: &Arc<Crash>) -> usize {
    let pipeline = world.pipeline_over(
        Arc::new(Crashing::<dyn DataLake>(world.lake.clone(), crash.clone())),
        Arc::new(Crashing::<dyn BatchApi>(world.client(), crash.clone())),
        Arc::new(Crashing(world.ledger.clone(), crash.clone())),
    );
    let (_ask, stop) = Stop::new();
    tokio::select! {
        () = crash.crashed.notified() => {}
        report = pipeline.run(Arc::new(()), stop) => drop(report.unwrap()),
    }
    drop(pipeline);
    crash.effects.load(Ordering::SeqCst)
}

pub(crate) async fn assert_finished(world: &World, point: &str) {
    let jobs = world.jobs().await;
    assert!(jobs.iter().all(|view| view.job.state.name() == "done"), "{point}: {jobs:#?}");
    assert_published(world, point).await;
}

/// Whatever the ledger knows of it: the lake is as it should be in the end, and so are the service and its books.
pub(crate) async fn assert_published(world: &World, point: &str) {
    assert!(world.files("input").await.is_empty(), "{point}: inputs are left");
    let files = world.files("processed").await;
    let output: Vec<_> = files.iter().filter(|(path, _)| path.ends_with("_output.jsonl")).collect();
    let errors: Vec<_> =
        world.files("error").await.into_iter().filter(|(path, _)| path.ends_with("_error.jsonl")).collect();
    assert_eq!((output.len(), errors.len()), (FILES, 2), "{point}: {:?}", files.keys());
    let mut found: Vec<_> =
        output.iter().flat_map(|(_, text)| ids(std::str::from_utf8(text).unwrap())).collect();
    let failed: Vec<_> = errors.iter().filter(|(path, _)| path.starts_with("1_")).collect();
    found.extend(failed.iter().flat_map(|(_, text)| ids(std::str::from_utf8(text).unwrap())));
    found.sort();
    let mut expected: Vec<_> = (0..FILES).flat_map(|n| ids(&lines(&format!("f{n}"), LINES))).collect();
    expected.sort();
    assert_eq!(found, expected, "{point}: each custom_id exactly once in output or error");
    let books = world.emulator.control().books().await;
    assert_eq!(books.paid_twice, [], "{point}");
    assert_eq!(books.lines_paid_twice, [], "{point}");
    assert!(books.billed_total <= (FILES * LINES) as u64, "{point}: {books:#?}");
    assert_eq!(world.emulator.control().snapshot().await.files, [], "{point}: service files are left");
    let ours: Vec<_> = files.keys().filter(|path| path.starts_with("_aoai-batch")).collect();
    assert!(ours.is_empty(), "{point}: our own files are left: {ours:?}");
}

async fn crash_everywhere(setup: Setup, after: bool) {
    let golden = Crash::new(usize::MAX, false);
    let world_0 = world(setup).await;
    let effects = run_until_crash(&world_0, &golden).await;
    assert_finished(&world_0, "the golden run").await;
    assert!(effects > 40, "the golden run has only {effects} effects: are the seams wrapped?");

    let tries = futures::stream::iter(0..effects).map(|at| async move {
        let point =
            format!("{setup:?}: crash {} effect {at} of {effects}", if after { "after" } else { "before" });
        let world = world(setup).await;
        run_until_crash(&world, &Crash::new(at, after)).await;
        world.ledger.forget_leases();
        let report = world.run().await;
        assert!(!report.gave_up, "{point}: {report:?}");
        assert_finished(&world, &point).await;
    });
    use futures::StreamExt;
    tries.buffer_unordered(8).collect::<Vec<_>>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_before_any_effect_loses_nothing_and_pays_nothing_twice() {
    crash_everywhere(Setup::of(Mode::Upload), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_after_any_effect_loses_nothing_and_pays_nothing_twice() {
    crash_everywhere(Setup::of(Mode::Upload), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_it_is_before_any_effect_of_two_attempts() {
    crash_everywhere(Setup::TWO_ATTEMPTS, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_it_is_after_any_effect_of_two_attempts() {
    crash_everywhere(Setup::TWO_ATTEMPTS, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_it_is_after_any_effect_where_a_batch_is_refused() {
    crash_everywhere(Setup::REFUSED, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_it_is_before_any_effect_of_an_import() {
    crash_everywhere(Setup::of(Mode::Import), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_it_is_after_any_effect_of_an_import() {
    crash_everywhere(Setup::of(Mode::Import), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_it_is_before_any_effect_of_an_import_of_copies() {
    crash_everywhere(Setup::copied(Mode::Import), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_it_is_after_any_effect_of_an_import_of_copies() {
    crash_everywhere(Setup::copied(Mode::Import), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_it_is_before_any_effect_of_a_run_by_blobs() {
    crash_everywhere(Setup::of(Mode::Blob), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_it_is_after_any_effect_of_a_run_by_blobs() {
    crash_everywhere(Setup::of(Mode::Blob), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_it_is_before_any_effect_of_a_merged_run() {
    crash_everywhere(Setup::MERGED, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_it_is_after_any_effect_of_a_merged_run() {
    crash_everywhere(Setup::MERGED, true).await;
}
