//! How fast results are collected: fetched, put in order, stored, published, read back and held against their requests. The
//! service is a loop that answers from memory, in another order than it was asked; the lake is a directory.
//!
//! Run it: `cargo run --release -p batch-orchestrator --example collect_bench -- DIRECTORY [LINES [MB]]`. Prints one JSON object.

#![expect(clippy::print_stdout, reason = "a bench shows what it measured")]

use std::{
    error::Error,
    fmt::Write,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use adls_io::{LakePath, LocalLake, Location};
use aoai_batch_client::{
    Applied, Batch, BatchApi, BatchId, BatchStatus, ContentStream, CreateBatch, CreatedBatch, DeletedFile,
    ErrorKind, FileId, FileObject, FileQuery, FileStatus, ImportFile, Page, PageQuery, RequestCounts, Result,
    Upload, UploadBody,
};
use async_trait::async_trait;
use batch_orchestrator::{
    Backends, CostOptions, Event, LakeOptions, LimitOptions, Observer, OutputOptions, Pipeline,
    PipelineOptions, RunOptions, ServiceOptions, Stop,
    ledger::{MemoryLedger, WorkerId},
    machine::{AttemptOptions, RetryOptions},
    model::Timestamp,
};
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::time::Instant;

const CHUNK: usize = 64 << 10;
/// A step from one line to the next that meets each of them: prime, and no factor of any number of lines.
const STEP: u64 = 7_368_787;

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().ok_or("usage: collect_bench DIRECTORY [LINES [MB]]")?;
    let lines = arguments.next().map_or(Ok(100_000), |text| text.parse::<u64>())?;
    let bytes = arguments.next().map_or(Ok(500), |text| text.parse::<u64>())? * 1_000_000;
    let directory = Path::new(&directory);
    std::fs::create_dir_all(directory.join("inbox"))?;
    std::fs::write(directory.join("inbox/big.jsonl"), requests(lines))?;

    let roots = [("input", "inbox"), ("processed", "processed"), ("error", "error")];
    let lake = LocalLake::new(roots.map(|(name, folder)| (name, directory.join(folder))));
    for (name, _) in roots {
        adls_io::DataLake::ensure_filesystem(&lake, name).await?;
    }
    let service = Arc::new(Service::new(lines, bytes));
    let backends = Backends {
        lake: Arc::new(lake),
        estimator: None,
        ledger: Arc::new(MemoryLedger::new("bench", Arc::new(now))),
    };
    let pipeline = Pipeline::pooled(&backends, service, Vec::new(), WorkerId("bench".into()), options());
    let watch = Arc::new(Watch::default());
    let (_ask, stop) = Stop::new();
    let report = pipeline.run(watch.clone(), stop).await?;
    if report.output_lines != lines {
        return Err(format!("{lines} lines were answered, and this came of it: {report:?}").into());
    }
    let marks = watch.0.lock().unwrap_or_else(PoisonError::into_inner);
    let since = |from: &str, to: &str| {
        let mark = |name: &str| marks.iter().find(|mark| mark.name == name).ok_or(format!("never {name}"));
        let (from, to) = (mark(from)?, mark(to)?);
        Ok::<_, String>(((to.at - from.at).as_secs_f64(), to.cpu - from.cpu))
    };
    let (harvest, publish) = (since("ended", "resolved")?, since("publishing", "published")?);
    let told = serde_json::json!({
        "lines": lines, "bytes": bytes, "peak_rss_kib": status("VmHWM:"),
        "harvest": { "seconds": harvest.0, "cpu_seconds": harvest.1 },
        "publish": { "seconds": publish.0, "cpu_seconds": publish.1 },
    });
    println!("{told}");
    Ok(())
}

fn requests(lines: u64) -> String {
    let mut text = String::new();
    for number in 0..lines {
        let _ = writeln!(
            text,
            r#"{{"custom_id":"request-{number:06}","method":"POST","url":"/chat/completions","body":{{"model":"m","messages":[{{"role":"user","content":"{number}?"}}]}}}}"#
        );
    }
    text
}

fn options() -> PipelineOptions {
    let place = |filesystem: &str| Location::new(filesystem, LakePath::root());
    let (input, processed, error) = (place("input"), place("processed"), place("error"));
    PipelineOptions {
        lake: LakeOptions {
            account: "bench".into(),
            input,
            processed,
            error,
            include: vec!["**/*.jsonl".into()],
            recursive: true,
        },
        service: ServiceOptions { name: "bench".into(), ..ServiceOptions::default() },
        run: RunOptions {
            settle_time: Duration::ZERO,
            poll_interval: Duration::from_millis(50),
            ..RunOptions::default()
        },
        limits: LimitOptions::default(),
        output: OutputOptions::default(),
        retry: RetryOptions::default(),
        attempts: AttemptOptions::default(),
        cost: CostOptions::default(),
    }
}

fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "the clock of the bench's ledger")]
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// When each state was reached, and what that had cost.
#[derive(Default)]
struct Watch(Mutex<Vec<Mark>>);

struct Mark {
    name: &'static str,
    at: Instant,
    cpu: f64,
}

impl Observer for Watch {
    fn event(&self, event: &Event<'_>) {
        let name = match event {
            Event::Job(job) => job.state.name(),
            Event::Part(part) => part.state.name(),
            _ => return,
        };
        let mark = Mark { name, at: Instant::now(), cpu: cpu_seconds() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(mark);
    }
}

/// What this process has used of all cores.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    // User and system time, in hundredths of a second.
    after_name.split_whitespace().skip(11).take(2).filter_map(|text| text.parse::<f64>().ok()).sum::<f64>()
        / 100.0
}

fn status(key: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find(|line| line.starts_with(key))?.split_whitespace().nth(1)?.parse().ok()
}

/// A service with one batch, which has ended as soon as it is there.
struct Service {
    lines: u64,
    /// The answer of each line, behind its id.
    rest: Bytes,
    created: Mutex<Option<Batch>>,
}

impl Service {
    fn new(lines: u64, bytes: u64) -> Self {
        let sentence = r#"A \"large\" answer,\nof several lines, as models like to give them. "#;
        let length = usize::try_from(bytes / lines.max(1)).unwrap_or(0).saturating_sub(330);
        let content = sentence.repeat(length / sentence.len());
        let rest = format!(
            "\",\"response\":{{\"body\":{{\"choices\":[{{\"finish_reason\":\"stop\",\"index\":0,\"message\":{{\"content\":\"{content}\",\"role\":\"assistant\"}}}}],\"created\":1,\"id\":\"chatcmpl-1\",\"model\":\"m\",\"object\":\"chat.completion\",\"usage\":{{\"completion_tokens\":900,\"prompt_tokens\":9,\"total_tokens\":909}}}},\"request_id\":\"1\",\"status_code\":200}},\"error\":null}}\n"
        );
        Self { lines, rest: rest.into(), created: Mutex::default() }
    }

    fn batch(&self) -> Option<Batch> {
        self.created.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The result file, piece by piece.
    fn results(&self) -> impl futures::Stream<Item = Result<Bytes>> + Send + 'static {
        let (lines, rest) = (self.lines, self.rest.clone());
        stream::unfold(0, move |mut number| {
            let rest = rest.clone();
            async move {
                let mut piece = BytesMut::with_capacity(CHUNK + rest.len() + 64);
                while number < lines && piece.len() < CHUNK {
                    let id = number * STEP % lines;
                    piece.extend_from_slice(format!("{{\"custom_id\":\"request-{id:06}").as_bytes());
                    piece.extend_from_slice(&rest);
                    number += 1;
                }
                (!piece.is_empty()).then(|| (Ok(piece.freeze()), number))
            }
        })
    }
}

fn file(id: &FileId, name: String, bytes: u64) -> FileObject {
    FileObject {
        id: id.clone(),
        filename: Some(name),
        bytes: Some(bytes),
        purpose: Some("batch".into()),
        status: FileStatus::Processed,
        status_details: None,
        created_at: Some(now().0 / 1000),
        expires_at: None,
    }
}

fn none<T>(operation: &'static str) -> Result<T> {
    let error = aoai_batch_client::Error::new(ErrorKind::NotFound, Applied::No, operation, "there is none");
    Err(error)
}

#[async_trait]
impl BatchApi for Service {
    async fn upload_file(&self, upload: Upload) -> Result<FileObject> {
        let body = match upload.body {
            UploadBody::Once { stream, .. } => Ok(stream),
            UploadBody::Replayable { open, .. } => open().await,
        };
        let failed = |error: std::io::Error| {
            aoai_batch_client::Error::new(ErrorKind::Local, Applied::Unknown, "upload", error.to_string())
        };
        let read =
            body.map_err(failed)?.try_fold(0, |sum, chunk| async move { Ok(sum + chunk.len() as u64) });
        let bytes = read.await.map_err(failed)?;
        Ok(file(&FileId("input".into()), upload.filename, bytes))
    }

    async fn import_file(&self, _: &ImportFile) -> Result<FileObject> {
        none("import")
    }

    async fn get_file(&self, id: &FileId) -> Result<FileObject> {
        Ok(file(id, id.0.clone(), 0))
    }

    async fn list_files(&self, _: &FileQuery) -> Result<Page<FileObject>> {
        Ok(Page { data: Vec::new(), has_more: false, next: None })
    }

    async fn delete_file(&self, _: &FileId) -> Result<DeletedFile> {
        Ok(DeletedFile::Deleted)
    }

    async fn file_content(&self, _: &FileId, _: u64) -> Result<ContentStream> {
        Ok(ContentStream { total: None, body: self.results().boxed() })
    }

    async fn create_batch(&self, create: &CreateBatch) -> Result<CreatedBatch> {
        let batch = Batch {
            id: BatchId("batch".into()),
            status: BatchStatus::Completed,
            endpoint: Some(create.endpoint.clone()),
            input_file_id: create.input_file_id.clone(),
            output_file_id: Some(FileId("output".into())),
            error_file_id: None,
            input_blob: None,
            output_blob: None,
            error_blob: None,
            created_at: Some(now().0 / 1000),
            in_progress_at: None,
            ended_at: None,
            expires_at: None,
            request_counts: RequestCounts { total: self.lines, completed: self.lines, failed: 0 },
            usage: None,
            errors: Vec::new(),
            metadata: create.metadata.clone(),
            model: None,
        };
        *self.created.lock().unwrap_or_else(PoisonError::into_inner) = Some(batch.clone());
        Ok(CreatedBatch { batch, enqueued: None })
    }

    async fn get_batch(&self, _: &BatchId) -> Result<Batch> {
        self.batch().map_or_else(|| none("get batch"), Ok)
    }

    async fn list_batches(&self, _: &PageQuery) -> Result<Page<Batch>> {
        Ok(Page { data: self.batch().into_iter().collect(), has_more: false, next: None })
    }

    async fn cancel_batch(&self, _: &BatchId) -> Result<Batch> {
        none("cancel")
    }
}
