//! Whether the end of a batch, or of what is not sent yet, is wanted: a person asked, it stalls, or its file is too late.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use aoai_batch_client::{Batch, BatchId, BatchStatus, ErrorKind};

use crate::{
    error::StageResult,
    ledger::JobQuery,
    machine::PartEvent,
    model::{CancelReason, JobKey, PartRecord, PartState, Progress, Submission, Timestamp},
    reconcile::Context,
};

/// When jobs were discovered, which never changes: many parts ask, and often.
#[derive(Debug, Default)]
pub(crate) struct Discovered(Mutex<HashMap<JobKey, Timestamp>>);

impl Discovered {
    /// More than are under way at a time.
    const MOST: usize = 10_000;

    fn of(&self, job: &JobKey) -> Option<Timestamp> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(job).copied()
    }

    fn note(&self, job: &JobKey, at: Timestamp) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= Self::MOST {
            known.clear();
        }
        known.insert(job.clone(), at);
    }
}

/// How long after its discovery a file is due, and when that is for this one.
async fn deadline(context: &Context, job: &JobKey) -> StageResult<Option<Timestamp>> {
    let Some(deadline) = context.options.run.deadline else { return Ok(None) };
    if let Some(found) = context.discovered.of(job) {
        return Ok(Some(found.after(deadline)));
    }
    let query = JobQuery { key: Some(job.0.clone()), ..JobQuery::default() };
    let Some(view) = context.ledger.view(&query).await?.pop() else { return Ok(None) };
    context.discovered.note(job, view.job.created_at);
    Ok(Some(view.job.created_at.after(deadline)))
}

/// Why nothing more of a part is to be sent, if so.
pub(crate) async fn unwanted(
    context: &Context,
    part: &PartRecord,
    now: Timestamp,
) -> StageResult<Option<CancelReason>> {
    if part.cancel.is_some() {
        return Ok(Some(CancelReason::Requested));
    }
    let due = deadline(context, &part.key.job).await?;
    Ok(due.filter(|due| *due <= now).map(|_| CancelReason::Deadline))
}

/// What is to be said or done about a batch that runs.
pub(super) async fn watch(
    context: &Context,
    part: &PartRecord,
    submission: &Submission,
    batch: &Batch,
    now: Timestamp,
) -> StageResult<PartEvent> {
    if submission.cancelling.is_some() {
        return end(context, batch).await;
    }
    if let Some(reason) = unwanted(context, part, now).await? {
        return Ok(PartEvent::CancelWanted { reason });
    }
    let Some(stall_after) = context.options.run.stall_after else { return Ok(PartEvent::StillRunning) };
    let counts = &batch.request_counts;
    let (status, done) = (batch.status.as_str().to_owned(), counts.completed + counts.failed);
    match &submission.progress {
        Some(last) if last.status == status && last.done == done => {
            Ok(if now.since(last.since) >= stall_after && batch.status != BatchStatus::Cancelling {
                PartEvent::CancelWanted { reason: CancelReason::Stalled }
            } else {
                PartEvent::StillRunning
            })
        }
        _ => Ok(PartEvent::Progressed(Progress { status, done, since: now })),
    }
}

/// Asks the service to end a batch; asking twice does no harm.
async fn end(context: &Context, batch: &Batch) -> StageResult<PartEvent> {
    if batch.status == BatchStatus::Cancelling {
        return Ok(PartEvent::StillRunning);
    }
    let id: &BatchId = &batch.id;
    match context.service.cancel_batch(id).await {
        // If it has ended, the next look tells what that means.
        Ok(_) => Ok(PartEvent::StillRunning),
        // It has ended in this very moment, or is unknown: the next look tells.
        Err(error) if matches!(error.kind(), ErrorKind::Rejected | ErrorKind::NotFound) => {
            tracing::debug!(batch = %id.0, %error, "it cannot be cancelled");
            Ok(PartEvent::StillRunning)
        }
        Err(error) => Err(error.into()),
    }
}

/// When a part that runs has to be looked at, at the latest: its stall or its deadline may be then.
pub(crate) async fn look_again(
    context: &Context,
    job: &JobKey,
    state: &PartState,
    now: Timestamp,
) -> StageResult<Option<Timestamp>> {
    let PartState::Submitted { submission, since, .. } = state else { return Ok(None) };
    if submission.cancelling.is_some() {
        // The list tells its end; until then it is asked for, should the first request have come to nothing.
        return Ok(Some(now.after(context.options.run.poll_interval.saturating_mul(2))));
    }
    let stall = context.options.run.stall_after.map(|stall_after| {
        let since = submission.progress.as_ref().map_or(*since, |progress| progress.since);
        since.after(stall_after)
    });
    let due = deadline(context, job).await?;
    // Never at once: what is wanted then is decided when it is looked at, and where nothing is, it is not asked for more often
    // than anything else.
    let soon = now.after(context.options.run.poll_interval);
    Ok(stall.into_iter().chain(due).min().map(|at| at.max(soon)))
}
