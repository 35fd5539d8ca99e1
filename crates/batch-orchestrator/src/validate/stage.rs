//! The stage: reads the input once, at the version of the snapshot, and writes index or report to the work
//! directory.

use std::sync::Arc;

use adls_io::{Condition, DataLake, DataLakeExt, ErrorKind, LakeWriter, ReadOptions};
use aoai_batch_client::Applied;
use bytes::Bytes;
use futures::{FutureExt, Stream, StreamExt};
use token_estimator::TokenEstimator;
use tokio::sync::mpsc;

use super::{Finding, FindingCode, IndexBlock, Report, Rules, Threads, Validator, Verdict, validate_chunks};
use crate::{
    collect::write_artifact,
    error::{StageError, StageResult},
    machine::{Early, JobEvent},
    model::{JobRecord, PartPlan, ProblemKind, Timestamp},
    reconcile::{Context, Pool},
    recover::{self, Decision, published, write_decision},
    snapshot::Layout,
    upload::{Answer, along},
};

/// Chunks that wait for the validating thread: with chunks of up to 1 MiB this bounds the memory of a file.
const QUEUE: usize = 4;

/// An input of up to so many bytes is not worth a thread.
const INLINE: usize = 64 << 10;

/// Validates a stream of bytes, off the async threads and on all cores.
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

/// Splits, checks, counts and hashes: here if the input is small, otherwise on other threads.
async fn run<E>(
    mut stream: impl Stream<Item = Result<Bytes, E>> + Send + Unpin,
    rules: Arc<Rules>,
    estimator: Option<Arc<dyn TokenEstimator>>,
    index: mpsc::Sender<IndexBlock>,
) -> Result<Verdict, E> {
    let (mut first, mut size) = (Vec::new(), 0);
    while size <= INLINE {
        let Some(chunk) = stream.next().await else {
            return Ok(run_here(first, &rules, estimator.as_deref(), &index).await);
        };
        let chunk = chunk?;
        size += chunk.len();
        first.push(chunk);
    }
    run_on_threads(first, stream, rules, estimator, index).await
}

async fn run_here(
    chunks: Vec<Bytes>,
    rules: &Rules,
    estimator: Option<&dyn TokenEstimator>,
    index: &mpsc::Sender<IndexBlock>,
) -> Verdict {
    let (verdict, blocks) = {
        let mut validator = Validator::new(rules, estimator);
        let mut blocks: Vec<IndexBlock> =
            chunks.into_iter().flat_map(|chunk| validator.push(chunk)).collect();
        let (verdict, last) = validator.finish();
        blocks.extend(last);
        (verdict, blocks)
    };
    for block in blocks {
        // Without a receiver nobody wants the index.
        let _ = index.send(block).await;
    }
    verdict
}

/// Feeds the stream to a thread, which spreads the work.
async fn run_on_threads<E>(
    first: Vec<Bytes>,
    mut stream: impl Stream<Item = Result<Bytes, E>> + Send + Unpin,
    rules: Arc<Rules>,
    estimator: Option<Arc<dyn TokenEstimator>>,
    index: mpsc::Sender<IndexBlock>,
) -> Result<Verdict, E> {
    let (chunks, mut queue) = mpsc::channel::<Bytes>(QUEUE);
    let worker = tokio::task::spawn_blocking(move || {
        let chunks = first.into_iter().chain(std::iter::from_fn(|| queue.blocking_recv()));
        validate_chunks(chunks, &rules, estimator.as_deref(), Threads::default(), |block| {
            let _ = index.blocking_send(block);
        })
    });
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

/// What is sent of an input while it is validated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sending {
    /// Nothing, and nothing was sent before.
    Nothing,
    /// Nothing, but an earlier try may have sent it.
    PerhapsBefore,
    /// All of it.
    Along,
}

/// `CLAIMED` → plan or rejection.
pub(crate) async fn plan(
    pool: &Pool,
    job: &JobRecord,
    send: Sending,
    now: Timestamp,
) -> StageResult<JobEvent> {
    let context = pool.common().as_ref();
    let lake = context.lake.as_ref();
    let mut answer = None;
    let mut rules = context.rules();
    if job.is_bundle() {
        // Its lines were valid, and are a few bytes longer now.
        rules.limits.max_line_bytes += 64;
        rules.limits.max_line_tokens = None;
        rules.limits.split = true;
    }
    let rules = Arc::new(rules);
    let verdict = if !rules.limits.split && job.input.size > rules.limits.max_file_bytes {
        Verdict::Invalid(too_large(job.input.size, &rules))
    } else {
        let options = ReadOptions { if_match: Some(job.input.etag.clone()), ..ReadOptions::default() };
        let read = match lake.read(&job.input.location, options).await {
            Ok(read) => read,
            Err(error) => return gone(error),
        };
        let (body, upload) = match send {
            Sending::Along => along(context, job, read.body),
            Sending::Nothing | Sending::PerhapsBefore => (read.body, std::future::ready(None).boxed()),
        };
        let (index, blocks) = mpsc::channel(QUEUE);
        let validation = run(body, rules, context.estimator.clone(), index);
        let indexing = write_index(lake, &context.layout, job, blocks);
        let (validated, written, answered) = futures::join!(validation, indexing, upload);
        answer = answered;
        match (validated, written) {
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
    let early = match send {
        Sending::Nothing => Early::Absent,
        Sending::PerhapsBefore => Early::Doubtful,
        Sending::Along => settle(pool, job, answer, &verdict, now).await?,
    };
    if let (Verdict::Invalid(report), true) = (&verdict, job.is_bundle()) {
        // All members were replaced meanwhile, or somebody changed the bundle. They find out for themselves.
        let why = report.findings.first().map(|finding| finding.message.clone()).unwrap_or_default();
        return Ok(JobEvent::InputGone { reason: why });
    }
    let target = free_target(context, job, now).await?;
    let verdict = match verdict {
        Verdict::Valid(plan) => recover::Verdict::Plan(plan),
        Verdict::Invalid(report) => {
            let at = context.layout.rejection(&job.key)?;
            let report = write_artifact(lake, &at, futures::stream::iter(rejection_lines(&report))).await?;
            recover::Verdict::Rejection(report)
        }
    };
    let decision = Decision { target, planned_at: now, verdict };
    match write_decision(context, &job.key, &decision).await? {
        None => Ok(decision.made(early)),
        // Somebody was faster, and may have sent parts of it by now. What we have sent may be what he goes on with; he knows
        // that he was not the first, and lists in the end.
        Some(earlier) => published(context, &job.key, earlier, now).await,
    }
}

/// What became of a file that was sent along. It stays if it is what the plan sends, and goes at once if it is not.
async fn settle(
    pool: &Pool,
    job: &JobRecord,
    answer: Answer,
    verdict: &Verdict,
    now: Timestamp,
) -> StageResult<Early> {
    let member = &pool.members()[0];
    let file = match answer {
        Some(Ok(file)) => file.id,
        // What is refused as a whole is not there.
        Some(Err(error)) => {
            let refused = error.applied() == Applied::No;
            let error = StageError::from(error);
            tracing::debug!(job = %job.key, error = error.message, "validated alone");
            if error.kind == ProblemKind::Service {
                pool.shun(member, now);
            }
            return Ok(if refused { Early::Absent } else { Early::Doubtful });
        }
        None => return Ok(Early::Doubtful),
    };
    pool.answers(member);
    let size = job.input.size;
    let is_the_part = |part: &PartPlan| (part.offset, part.bytes, part.upload_bytes) == (0, size, size);
    match verdict {
        Verdict::Valid(plan) if matches!(&plan.parts[..], [part] if is_the_part(part)) => {
            Ok(Early::Stored { file, deployment: member.id.clone() })
        }
        _ => {
            // If this fails, whoever tries again knows that he is not the first.
            member.context.service.delete_file(&file).await?;
            Ok(Early::Absent)
        }
    }
}

/// A target that nobody has: two versions of one file within a second must not share a directory.
async fn free_target(
    context: &Context,
    job: &JobRecord,
    now: Timestamp,
) -> StageResult<crate::model::Target> {
    if job.is_bundle() {
        return Ok(context.layout.bundle_target(&job.key)?);
    }
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
