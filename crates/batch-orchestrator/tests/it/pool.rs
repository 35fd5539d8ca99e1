//! Several endpoints: one that fails does not stop the others.

use std::{sync::Arc, time::Duration};

use aoai_batch_client::{
    Applied, Batch, BatchApi, BatchClient, BatchClientOptions, BatchId, ContentStream, CreateBatch,
    CreatedBatch, Credential, DeletedFile, Error, ErrorKind, FileId, FileObject, FileQuery, ImportFile, Page,
    PageQuery, Result, Upload,
};
use aoai_emulator::{Emulator, Outcome, OutcomeRule};
use async_trait::async_trait;
use batch_orchestrator::{
    Backends, Pipeline, RunReport, ServiceOptions, Stop, ledger::WorkerId, model::PartState,
};

use crate::support::{KEY, World, fast, lines};

/// Takes no file.
struct Full(Arc<dyn BatchApi>);

#[async_trait]
impl BatchApi for Full {
    async fn upload_file(&self, _: Upload) -> Result<FileObject> {
        Err(Error::new(ErrorKind::Unavailable, Applied::Unknown, "upload a file", "out of order"))
    }
    async fn import_file(&self, import: &ImportFile) -> Result<FileObject> {
        self.0.import_file(import).await
    }
    async fn get_file(&self, id: &FileId) -> Result<FileObject> {
        self.0.get_file(id).await
    }
    async fn list_files(&self, query: &FileQuery) -> Result<Page<FileObject>> {
        self.0.list_files(query).await
    }
    async fn delete_file(&self, id: &FileId) -> Result<DeletedFile> {
        self.0.delete_file(id).await
    }
    async fn file_content(&self, id: &FileId, offset: u64) -> Result<ContentStream> {
        self.0.file_content(id, offset).await
    }
    async fn create_batch(&self, create: &CreateBatch) -> Result<CreatedBatch> {
        self.0.create_batch(create).await
    }
    async fn get_batch(&self, id: &BatchId) -> Result<Batch> {
        self.0.get_batch(id).await
    }
    async fn list_batches(&self, query: &PageQuery) -> Result<Page<Batch>> {
        self.0.list_batches(query).await
    }
    async fn cancel_batch(&self, id: &BatchId) -> Result<Batch> {
        self.0.cancel_batch(id).await
    }
}

fn client(url: &str) -> Arc<dyn BatchApi> {
    let key = Credential::ApiKey(KEY.to_owned().into());
    Arc::new(BatchClient::new(url, key, BatchClientOptions::default()).unwrap())
}

/// A run over the world's own service and another one, which by its weight is due most of the work.
async fn run(world: &World, other: Arc<dyn BatchApi>) -> RunReport {
    let backends = Backends { lake: world.lake.clone(), estimator: None, ledger: world.ledger.clone() };
    let other_options = ServiceOptions { name: "other".into(), weight: 9.0, ..world.options.service.clone() };
    let others = vec![(other, other_options)];
    let options = world.options.clone();
    let pipeline = Pipeline::pooled(&backends, world.client(), others, WorkerId("w".into()), options);
    let (_ask, stop) = Stop::new();
    let run = pipeline.run(Arc::new(()), stop);
    tokio::time::timeout(Duration::from_secs(60), run).await.expect("the run hangs").unwrap()
}

async fn world() -> World {
    let mut world = World::new(fast()).await;
    world.options.service.deployment = Some("gpt-4o-mini-batch".into());
    world.options.run.move_after = Duration::from_millis(50);
    for n in 0..6 {
        world.put(&format!("inbox/{n}.jsonl"), lines(&format!("f{n}"), 2)).await;
    }
    world
}

/// How many parts went to each endpoint: the world's own, and the other.
async fn went(world: &World) -> (usize, usize) {
    let jobs = world.jobs().await;
    let parts: Vec<_> = jobs.iter().flat_map(|view| &view.parts).collect();
    assert!(parts.iter().all(|part| matches!(part.state, PartState::Resolved(_))));
    let other = |part: &&&_| {
        let part: &batch_orchestrator::model::PartRecord = part;
        part.deployment.as_ref().is_some_and(|deployment| deployment.endpoint() == "other")
    };
    let others = parts.iter().filter(other).count();
    (parts.len() - others, others)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_endpoints_share_the_work_and_both_are_cleaned_up() {
    let world = world().await;
    let other = Emulator::start(fast()).await.unwrap();
    let report = run(&world, client(other.url())).await;
    assert_eq!((report.completed, report.output_lines), (6, 12), "{report:?}");
    let (ours, others) = went(&world).await;
    assert!(others > ours, "by weight: {ours}, {others}");
    assert_eq!(other.control().snapshot().await.files, []);
    assert_eq!(other.control().books().await.paid_twice, []);
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_down_does_not_stop_the_other() {
    let world = world().await;
    let report = run(&world, client("http://127.0.0.1:9")).await;
    assert_eq!((report.completed, report.error_lines), (6, 0), "{report:?}");
    assert_eq!(went(&world).await, (6, 0));
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_leave_an_endpoint_that_takes_no_files() {
    let world = world().await;
    let other = Emulator::start(fast()).await.unwrap();
    let report = run(&world, Arc::new(Full(client(other.url())))).await;
    assert_eq!((report.completed, report.error_lines), (6, 0), "{report:?}");
    assert_eq!(went(&world).await, (6, 0));
    assert_eq!(other.control().snapshot().await.files, []);
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_run_finds_the_parts_where_they_are() {
    let mut world = world().await;
    let other = Emulator::start(fast()).await.unwrap();
    // A first run that is cut off early, again and again: whatever was sent anywhere is gone on with.
    for millis in [20, 40, 60, 80, 120] {
        let cut = tokio::time::timeout(Duration::from_millis(millis), run(&world, client(other.url())));
        if cut.await.is_ok() {
            break;
        }
        world.ledger.forget_leases();
    }
    world.options.run.list_settle = Duration::from_millis(40);
    let report = run(&world, client(other.url())).await;
    assert!(!report.has_errors(), "{report:?}");
    went(&world).await;
    for emulator in [&world.emulator, &other] {
        assert_eq!(emulator.control().books().await.paid_twice, []);
    }
    let outputs = world.files("processed").await;
    assert_eq!(outputs.keys().filter(|path| path.ends_with("_output.jsonl")).count(), 6);
}

/// Where an attempt has failed, the next one goes elsewhere, though by the weights it would not.
#[tokio::test(flavor = "multi_thread")]
async fn what_has_failed_at_one_deployment_is_sent_to_another() {
    let world = world().await;
    let mut config = fast();
    let outcome = Outcome::Error { status: 429, code: "busy".into(), message: None };
    config.outcomes = vec![OutcomeRule { fraction: None, custom_id_contains: None, times: None, outcome }];
    let other = Emulator::start(config).await.unwrap();
    let report = run(&world, client(other.url())).await;
    assert_eq!((report.completed, report.output_lines, report.error_lines), (6, 12, 0), "{report:?}");
    let books = other.control().books().await;
    let sent =
        |attempt: &str| books.batches.iter().filter(|batch| batch.input_filename.contains(attempt)).count();
    assert!(sent("-a1-") > 0, "by its weight it gets most of the first attempts");
    assert_eq!(sent("-a2-"), 0, "and none of the second ones");
    assert_eq!(world.emulator.control().books().await.billed_total, 12);
}
