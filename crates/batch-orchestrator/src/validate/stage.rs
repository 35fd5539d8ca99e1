//! The stage: reads the input once, at the version of the snapshot, and writes index or report to the work
//! directory.

use std::sync::Arc;

use adls_io::{Condition, DataLake, DataLakeExt, ErrorKind, LakeWriter, ReadOptions};
use aoai_batch_client::{JsonLines, LineItem};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use token_estimator::TokenEstimator;
use tokio::sync::mpsc;

use super::{Finding, FindingCode, Report, Rules, Validator, Verdict, validator::InputLine};
use crate::{
    collect::write_artifact,
    error::StageResult,
    machine::JobEvent,
    model::{JobRecord, Timestamp},
    reconcile::Context,
    snapshot::Layout,
};

/// Index lines are handed over in blocks of this size.
const INDEX_BLOCK: usize = 256 << 10;
/// Chunks that wait for the validating thread: with chunks of up to 1 MiB this bounds the memory of a file.
const QUEUE: usize = 4;

/// A block of index lines of one part.
type IndexBlock = (u32, Bytes);

/// Validates a stream of bytes, off the async threads.
///
/// # Errors
/// The stream's own error.
pub async fn validate_stream<E>(
    stream: impl Stream<Item = Result<Bytes, E>> + Send + Unpin,
    rules: Arc<Rules>,
    estimator: Option<Arc<dyn TokenEstimator>>,
) -> Result<Verdict, E> {
    let (index, mut blocks) = mpsc::channel::<IndexBlock>(QUEUE);
    let drain = async { while blocks.recv().await.is_some() {} };
    let (verdict, ()) = futures::join!(run(stream, rules, estimator, index), drain);
    verdict
}

/// Feeds the stream to a thread that splits, checks, counts and hashes.
async fn run<E>(
    mut stream: impl Stream<Item = Result<Bytes, E>> + Send + Unpin,
    rules: Arc<Rules>,
    estimator: Option<Arc<dyn TokenEstimator>>,
    index: mpsc::Sender<IndexBlock>,
) -> Result<Verdict, E> {
    let (chunks, queue) = mpsc::channel::<Bytes>(QUEUE);
    let worker = tokio::task::spawn_blocking(move || work(queue, &rules, estimator.as_deref(), &index));
    while let Some(chunk) = stream.next().await {
        // The worker only stops early if it panics, which joining it shows.
        if chunks.send(chunk?).await.is_err() {
            break;
        }
    }
    drop(chunks);
    match worker.await {
        Ok(verdict) => Ok(verdict),
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

fn work(
    mut queue: mpsc::Receiver<Bytes>,
    rules: &Rules,
    estimator: Option<&dyn TokenEstimator>,
    index: &mpsc::Sender<IndexBlock>,
) -> Verdict {
    let mut validator = Validator::new(rules, estimator);
    let mut lines = JsonLines::new(usize::try_from(rules.limits.max_line_bytes).unwrap_or(usize::MAX));
    let mut block = Block::default();
    while let Some(chunk) = queue.blocking_recv() {
        validator.hash(&chunk);
        lines.push(chunk);
        while let Some(item) = lines.next_line() {
            block.take(&mut validator, &item, index);
        }
    }
    if let Some(item) = lines.finish() {
        block.take(&mut validator, &item, index);
    }
    block.flush(index);
    validator.finish()
}

#[derive(Default)]
struct Block {
    part: u32,
    bytes: Vec<u8>,
}

impl Block {
    fn take(&mut self, validator: &mut Validator<'_>, item: &LineItem, index: &mpsc::Sender<IndexBlock>) {
        let line = match item {
            LineItem::Line(line) => line,
            LineItem::TooLong { number, offset, length } => {
                return validator.too_long(*number, *offset, *length);
            }
        };
        let input = InputLine {
            number: line.number,
            offset: line.offset,
            bytes: &line.bytes,
            full_length: line.full_length,
        };
        if let Some((part, entry)) = validator.line(input) {
            if part != self.part || self.bytes.len() >= INDEX_BLOCK {
                self.flush(index);
                self.part = part;
            }
            // Writing to a vector cannot fail, and strings and numbers always serialise.
            let _ = serde_json::to_writer(&mut self.bytes, &entry);
            self.bytes.push(b'\n');
        }
    }

    fn flush(&mut self, index: &mpsc::Sender<IndexBlock>) {
        if !self.bytes.is_empty() {
            // Without a receiver nobody wants the index.
            let _ = index.blocking_send((self.part, std::mem::take(&mut self.bytes).into()));
        }
    }
}

/// `CLAIMED` → plan or rejection.
pub(crate) async fn plan(context: &Context, job: &JobRecord, now: Timestamp) -> StageResult<JobEvent> {
    let lake = context.lake.as_ref();
    let rules = Arc::new(Rules::new(&context.options.service, &context.options.limits));
    let verdict = if !rules.limits.split && job.input.size > rules.limits.max_file_bytes {
        Verdict::Invalid(too_large(job.input.size, &rules))
    } else {
        let options = ReadOptions { if_match: Some(job.input.etag.clone()), ..ReadOptions::default() };
        let read = match lake.read(&job.input.location, options).await {
            Ok(read) => read,
            Err(error) => return gone(error),
        };
        let (index, blocks) = mpsc::channel(QUEUE);
        let validation = run(read.body, rules, context.estimator.clone(), index);
        match futures::join!(validation, write_index(lake, &context.layout, job, blocks)) {
            (Err(error), _) => return gone(error),
            (Ok(Verdict::Valid(plan)), written) => {
                // Only a valid file needs its index; that of an invalid one is left unwritten.
                for writer in written? {
                    writer.commit(Condition::Always).await?;
                }
                Verdict::Valid(plan)
            }
            (Ok(invalid), _) => invalid,
        }
    };
    let target = free_target(context, job, now).await?;
    match verdict {
        Verdict::Valid(plan) => Ok(JobEvent::Planned { plan, target }),
        Verdict::Invalid(report) => {
            let at = context.layout.rejection(&job.key)?;
            let report = write_artifact(lake, &at, futures::stream::iter(rejection_lines(&report))).await?;
            Ok(JobEvent::Rejected { report, target })
        }
    }
}

/// A target that nobody has: two versions of one file within a second must not share a directory.
async fn free_target(
    context: &Context,
    job: &JobRecord,
    now: Timestamp,
) -> StageResult<crate::model::Target> {
    let mut planned_at = now;
    loop {
        let target = context.layout.target(&job.input.location, planned_at)?;
        if context.ledger.reserve(&target.processed.to_string(), &job.key).await?
            && !context.lake.exists(&target.processed).await?
            && !context.lake.exists(&target.error).await?
        {
            return Ok(target);
        }
        planned_at = planned_at.after(std::time::Duration::from_secs(1));
    }
}

/// Writes the index of each part as its blocks come; nothing is visible before the commit.
async fn write_index(
    lake: &dyn DataLake,
    layout: &Layout,
    job: &JobRecord,
    mut blocks: mpsc::Receiver<IndexBlock>,
) -> StageResult<Vec<Box<dyn LakeWriter>>> {
    let mut writers: Vec<Box<dyn LakeWriter>> = Vec::new();
    while let Some((part, block)) = blocks.recv().await {
        while writers.len() < part as usize {
            let number = u32::try_from(writers.len()).unwrap_or(u32::MAX).saturating_add(1);
            writers.push(lake.create(&layout.index(&job.key, number)?).await?);
        }
        if let Some(writer) = writers.last_mut() {
            writer.write(block).await?;
        }
    }
    Ok(writers)
}

fn gone(error: adls_io::Error) -> StageResult<JobEvent> {
    let reason = match error.kind {
        ErrorKind::NotFound => "the file is gone",
        ErrorKind::Precondition => "the file was changed",
        ErrorKind::WrongType => "the file is a directory now",
        _ => return Err(error.into()),
    };
    Ok(JobEvent::InputGone { reason: reason.into() })
}

fn too_large(size: u64, rules: &Rules) -> Report {
    let mut report = Report { bytes: size, ..Report::default() };
    report.add(Finding {
        line: None,
        offset: 0,
        code: FindingCode::FileTooLarge,
        message: format!("the file has {size} bytes, expected at most {}", rules.limits.max_file_bytes),
        hint: "split the file, or let limits.split = true send it in several parts",
    });
    report
}

/// The error file of a refused input: `line`, `code`, `message` of each finding; then the counts of what was cut.
pub(crate) fn rejection_lines(report: &Report) -> Vec<Bytes> {
    #[derive(serde::Serialize)]
    struct Line<'a> {
        line: Option<u64>,
        offset: u64,
        code: &'a str,
        message: &'a str,
        hint: &'a str,
    }
    let json = |line: &Line<'_>| {
        let mut text = serde_json::to_vec(line).unwrap_or_default();
        text.push(b'\n');
        Bytes::from(text)
    };
    let mut lines: Vec<_> = report
        .findings
        .iter()
        .map(|f| {
            json(&Line {
                line: f.line,
                offset: f.offset,
                code: f.code.as_str(),
                message: &f.message,
                hint: f.hint,
            })
        })
        .collect();
    for (code, count) in &report.counts {
        let kept = report.findings.iter().filter(|f| f.code == *code).count() as u64;
        if *count > kept {
            let message = format!("{} more of this kind, {count} in all", count - kept);
            let hint = "fix the first ones and validate again";
            lines.push(json(&Line { line: None, offset: 0, code: code.as_str(), message: &message, hint }));
        }
    }
    lines
}
