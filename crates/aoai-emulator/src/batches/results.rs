//! From a batch that is due to its result files.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::PathBuf,
    sync::{Arc, PoisonError},
    time::Duration,
};

use super::{
    Batch, BatchError, Status,
    blob::{self, BlobJob, Kind},
    lifecycle::Moment,
    plan::{Counts, Plan},
    quota,
    record::Prepared,
    validation,
};
use crate::{
    answers::{Sheet, Sheets, Usage, echo},
    config::{AnswerConfig, Outcome, ResultIds},
    files::{FileRecord, FileState, Scan, result_id},
    state::Shared,
};

/// The result files of a batch.
#[derive(Debug)]
pub(crate) struct Results {
    pub(crate) output_id: Option<String>,
    pub(crate) error_id: Option<String>,
    pub(crate) counts: Counts,
    pub(crate) usage: Usage,
}

/// Longer than this no request waits for results; the batch then shows as not quite done.
const PATIENCE: Duration = Duration::from_secs(10);

/// Brings the batch to where it should be by now: validated, and with results if it has ended.
pub(crate) async fn settle(state: &Shared, batch: &Arc<Batch>) {
    let now = state.clock.now();
    let due = batch.due(now).status;
    let judged = batch.blob.as_ref().is_none_or(BlobJob::is_judged);
    let unknown = batch.prepared.get().is_none() || !judged;
    let validation_due = batch.facts(true).validated() <= now && unknown;
    let results_due = due.is_terminal() && due != Status::Failed && !batch.results.initialized();
    if !validation_due && !results_due {
        return;
    }
    // A task of its own, so that a client that hangs up does not throw the work away.
    let work = tokio::spawn({
        let (state, batch) = (state.clone(), batch.clone());
        async move {
            if let Err(error) = finish(&state, &batch).await {
                tracing::error!(batch = batch.id, %error, "write results");
                let failure = BatchError::new("internal_error", &format!("the emulator failed: {error}"));
                batch.steering().failed = Some((state.clock.now(), failure));
            }
        }
    });
    if tokio::time::timeout(PATIENCE, work).await.is_err() {
        tracing::warn!(batch = batch.id, "results take long");
    }
}

async fn finish(state: &Shared, batch: &Arc<Batch>) -> io::Result<()> {
    prepare(state, batch).await?;
    blob::judge(state, batch);
    let moment = batch.due(state.clock.now());
    if moment.status.is_terminal() && moment.status != Status::Failed {
        batch.results.get_or_try_init(|| generate(state, batch, moment)).await?;
        batch.release_input();
    }
    Ok(())
}

/// Reads and judges the input, once.
pub(super) async fn prepare<'a>(state: &Shared, batch: &'a Arc<Batch>) -> io::Result<&'a Prepared> {
    let prepare = || async {
        let Some(input) = batch.input() else { return Ok(Prepared::default()) };
        let scan = input.scan(state.config.batches.max_lines).await?;
        let (state, batch) = (state.clone(), batch.clone());
        let judged = tokio::task::spawn_blocking(move || {
            let config = &state.config;
            let errors = validation::judge(&scan, &batch.endpoint, batch.number, &config.batches);
            let hits = state.batches().hits.clone();
            let plan = if errors.is_empty() {
                Plan::draw(&scan, &config.outcomes, config.seed, batch.number, &mut lock(&hits))
            } else {
                Plan::default()
            };
            Prepared { tokens: quota::tokens(&state.config.quota, &scan), scan, errors, plan }
        });
        judged.await.map_err(io::Error::other)
    };
    batch.prepared.get_or_try_init(prepare).await
}

async fn generate(state: &Shared, batch: &Arc<Batch>, moment: Moment) -> io::Result<Results> {
    let sheets = tokio::task::spawn_blocking({
        let (state, batch) = (state.clone(), batch.clone());
        move || write(&state, &batch, &moment)
    });
    let (sheets, counts) = sheets.await.map_err(io::Error::other)??;
    let usage = sheets.usage;
    let keep_empty_errors =
        state.config.wire.result_ids == ResultIds::EmptyErrorFile && moment.status == Status::Completed;
    let (output, errors) = sheets.finish()?;
    Ok(Results {
        output_id: publish(state, batch, output, Kind::Output, false).await?,
        error_id: publish(state, batch, errors, Kind::Errors, keep_empty_errors).await?,
        counts,
        usage,
    })
}

/// Makes a result a file of the service, or a blob where the batch was told to, unless it is empty.
async fn publish(
    state: &Shared,
    batch: &Batch,
    sheet: Sheet,
    kind: Kind,
    even_empty: bool,
) -> io::Result<Option<String>> {
    if sheet.lines == 0 && !even_empty {
        return Ok(None);
    }
    if let Some(job) = &batch.blob {
        blob::deliver(state, job, kind, &sheet.body).await?;
        return Ok(None);
    }
    let kind = match kind {
        Kind::Output => "output",
        Kind::Errors => "error",
    };
    let now = state.clock.now();
    let id = result_id();
    state.files().insert(FileRecord {
        id: id.clone(),
        filename: format!("{}_{kind}.jsonl", batch.id),
        purpose: "batch_output".to_owned(),
        created_at: now,
        visible_at: now,
        expires_at: batch.output_expiry.map(|seconds| now.unix_seconds() + seconds),
        state: FileState::Stored { body: Arc::new(sheet.body), ready_at: now },
    });
    Ok(Some(id))
}

fn write(state: &Shared, batch: &Batch, moment: &Moment) -> io::Result<(Sheets, Counts)> {
    let prepared = batch.prepared.get().ok_or_else(|| io::Error::other("not validated"))?;
    let (mut sheets, counts, done) = match &batch.run {
        Some(run) => match run.take_sheets() {
            Some((sheets, done)) => (sheets, run.counts(), done),
            // Stopped before it began.
            None => {
                (Sheets::create(state.body_dir(), state.config.wire.error_lines)?, run.counts(), Vec::new())
            }
        },
        None => {
            let done = batch.done(moment);
            let sheets = echo_lines(state, batch, prepared, done)?;
            (sheets, prepared.plan.counts(done), prepared.plan.order[..done].to_vec())
        }
    };
    let reason = match moment.status {
        Status::Expired => Some((
            "batch_expired",
            "This request could not be executed before the completion window expired.",
        )),
        Status::Cancelled => state
            .config
            .wire
            .cancelled_line_code
            .as_deref()
            .map(|code| (code, "This request was not executed because the batch was cancelled.")),
        _ => None,
    };
    if let Some((code, message)) = reason {
        let mut finished = vec![false; prepared.scan.lines.len()];
        done.iter().for_each(|line| finished[*line as usize] = true);
        for line in prepared.plan.order.iter().filter(|line| !finished[**line as usize]) {
            sheets.unfinished(&prepared.scan.lines[*line as usize].custom_id, code, message)?;
        }
    }
    Ok((sheets, counts))
}

fn echo_lines(state: &Shared, batch: &Batch, prepared: &Prepared, done: usize) -> io::Result<Sheets> {
    let mut sheets = Sheets::create(state.body_dir(), state.config.wire.error_lines)?;
    let max_chars = match &state.config.answers {
        AnswerConfig::Echo { max_chars } => *max_chars,
        AnswerConfig::Upstream(_) => 0,
    };
    let mut input = match batch.input() {
        Some(input) => LineReader::open(input.path().to_owned())?,
        None => return Ok(sheets),
    };
    let created = batch.created_at.unix_seconds();
    for line in prepared.plan.order.iter().take(done) {
        let custom_id = &prepared.scan.lines[*line as usize].custom_id;
        let fate = prepared.plan.fate(*line);
        if scripted(&mut sheets, custom_id, fate)? {
            continue;
        }
        let (url, body) = input.body(&prepared.scan, *line)?;
        let answer = echo(&url, &body, &format!("{}/{custom_id}", batch.id), created, max_chars);
        let times = if fate == Some(&Outcome::Duplicate) { 2 } else { 1 };
        for _ in 0..times {
            sheets.success(custom_id, &answer)?;
        }
    }
    Ok(sheets)
}

/// Writes the line if its fate needs no answer; says whether it did.
pub(super) fn scripted(sheets: &mut Sheets, custom_id: &str, fate: Option<&Outcome>) -> io::Result<bool> {
    match fate {
        None | Some(Outcome::Duplicate) => return Ok(false),
        Some(Outcome::Missing) => {}
        Some(Outcome::StatusZero) => sheets.status_zero(custom_id)?,
        Some(Outcome::Error { status, code, message }) => {
            let made_up = format!("The emulator was told to fail this line with {code}.");
            sheets.failure(custom_id, *status, code, message.as_deref().unwrap_or(&made_up))?;
        }
    }
    Ok(true)
}

/// Fetches single lines of an input.
#[derive(Debug)]
pub(super) struct LineReader {
    file: File,
    buffer: Vec<u8>,
}

impl LineReader {
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        Ok(Self { file: File::open(path)?, buffer: Vec::new() })
    }

    /// The url (without `/v1`) and body of a line.
    pub(super) fn body(&mut self, scan: &Scan, line: u32) -> io::Result<(String, serde_json::Value)> {
        let line = &scan.lines[line as usize];
        self.buffer.resize(line.length as usize, 0);
        self.file.seek(SeekFrom::Start(line.offset))?;
        self.file.read_exact(&mut self.buffer)?;
        let mut request: serde_json::Value = serde_json::from_slice(&self.buffer)?;
        Ok((scan.urls[line.url].clone(), request["body"].take()))
    }
}

/// A lock that outlives a panic of its holder.
pub(super) fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
