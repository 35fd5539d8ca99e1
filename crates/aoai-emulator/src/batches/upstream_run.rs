//! Real work: the lines of one batch on their way to the upstream and back.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use futures::{StreamExt, stream};
use tokio::sync::Notify;

use super::{
    Batch, blob,
    plan::Counts,
    record::Prepared,
    results::{LineReader, lock, prepare, scripted},
};
use crate::{
    answers::{Reply, Sheets, Usage, ask},
    clock::Stamp,
    config::{AnswerConfig, Outcome, UpstreamConfig},
    state::Shared,
};

/// What has come back so far.
#[derive(Debug, Default)]
pub(crate) struct Run {
    inner: Mutex<Inner>,
    stopped: AtomicBool,
    stop: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    sheets: Option<Sheets>,
    done: Vec<u32>,
    billed: Vec<u32>,
    counts: Counts,
    ended: Option<Stamp>,
    capped: bool,
}

impl Run {
    pub(crate) fn ended(&self) -> Option<Stamp> {
        lock(&self.inner).ended
    }

    /// Whether it ended because so many lines were done that the batch had to expire.
    pub(crate) fn is_capped(&self) -> bool {
        lock(&self.inner).capped
    }

    pub(crate) fn counts(&self) -> Counts {
        lock(&self.inner).counts
    }

    pub(crate) fn billed(&self) -> Vec<u32> {
        lock(&self.inner).billed.clone()
    }

    /// The files and the lines in them, once.
    pub(super) fn take_sheets(&self) -> Option<(Sheets, Vec<u32>)> {
        let mut inner = lock(&self.inner);
        let done = std::mem::take(&mut inner.done);
        inner.sheets.take().map(|sheets| (sheets, done))
    }

    /// No further line is sent, and what is under way is dropped.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.stop.notify_one();
    }

    async fn stopped(&self) {
        while !self.stopped.load(Ordering::SeqCst) {
            self.stop.notified().await;
        }
    }

    /// Notes what became of a line.
    fn note(
        &self,
        line: u32,
        custom_id: &str,
        fate: Option<&Outcome>,
        reply: Option<Reply>,
    ) -> std::io::Result<usize> {
        let mut inner = lock(&self.inner);
        let Inner { sheets: Some(sheets), counts, billed, done, .. } = &mut *inner else {
            return Ok(0);
        };
        match reply {
            None => {
                scripted(sheets, custom_id, fate)?;
                match fate {
                    Some(Outcome::Error { .. }) => counts.failed += 1,
                    Some(Outcome::StatusZero) => counts.completed += 1,
                    _ => {}
                }
            }
            Some(Reply::Success(body)) => {
                let answer = (Usage::read(&body), body);
                let times = if fate == Some(&Outcome::Duplicate) { 2 } else { 1 };
                for _ in 0..times {
                    sheets.success(custom_id, &answer)?;
                }
                counts.completed += 1;
                billed.push(line);
            }
            Some(Reply::Failure { status, body }) => {
                sheets.failure_with_body(custom_id, status, &body)?;
                counts.failed += 1;
            }
        }
        done.push(line);
        Ok(done.len())
    }
}

/// Begins the work of a batch if answers come from an upstream.
pub(super) fn start(state: &Shared, batch: &Arc<Batch>) {
    let AnswerConfig::Upstream(config) = state.config.answers.clone() else { return };
    let (shared, batch) = (state.clone(), batch.clone());
    state.spawn(async move {
        let Some(run) = &batch.run else { return };
        let worked = work(&shared, &batch, run, &config).await;
        if let Err(error) = &worked {
            tracing::error!(batch = batch.id, %error, "work the batch off");
        }
        let mut inner = lock(&run.inner);
        inner.capped = matches!(worked, Ok(true));
        inner.ended = Some(shared.clock.now());
    });
}

/// Sends line by line; true if the batch reached the number of lines it expires after.
async fn work(
    state: &Shared,
    batch: &Arc<Batch>,
    run: &Run,
    config: &UpstreamConfig,
) -> std::io::Result<bool> {
    let prepared = prepare(state, batch).await?;
    let Some(input) = batch.input().filter(|_| prepared.errors.is_empty()) else { return Ok(false) };
    let facts = batch.facts(false);
    tokio::select! {
        () = run.stopped() => return Ok(false),
        () = state.clock.reach(facts.validated()) => {}
    }
    blob::judge(state, batch);
    // Refused for its quota, its window or its lost input, which the lines themselves do not show.
    if batch.facts(false).accepted != Some(true) {
        return Ok(false);
    }
    lock(&run.inner).sheets = Some(Sheets::create(state.body_dir(), state.config.wire.error_lines)?);
    let reader = Mutex::new(LineReader::open(input.path().to_owned())?);
    let cap = batch.line_cap();
    let expired = async {
        match facts.expires {
            Some(at) => state.clock.reach(at).await,
            None => std::future::pending().await,
        }
    };
    let replies = stream::iter(prepared.plan.order.iter().copied())
        .map(|line| send(state, prepared, &reader, line, config))
        .buffer_unordered(config.concurrency.max(1));
    tokio::pin!(replies, expired);
    loop {
        let (line, reply) = tokio::select! {
            biased;
            () = run.stopped() => return Ok(false),
            () = &mut expired => return Ok(false),
            next = replies.next() => match next {
                None => return Ok(false),
                Some(reply) => reply?,
            },
        };
        let custom_id = &prepared.scan.lines[line as usize].custom_id;
        let done = run.note(line, custom_id, prepared.plan.fate(line), reply)?;
        if cap.is_some_and(|cap| done >= cap) {
            return Ok(true);
        }
    }
}

/// The reply to a line; none where the line's fate is decided without one.
async fn send(
    state: &Shared,
    prepared: &Prepared,
    reader: &Mutex<LineReader>,
    line: u32,
    config: &UpstreamConfig,
) -> std::io::Result<(u32, Option<Reply>)> {
    if !matches!(prepared.plan.fate(line), None | Some(Outcome::Duplicate)) {
        return Ok((line, None));
    }
    let (url, body) = lock(reader).body(&prepared.scan, line)?;
    Ok((line, Some(ask(&state.upstream, config, &url, body).await)))
}
