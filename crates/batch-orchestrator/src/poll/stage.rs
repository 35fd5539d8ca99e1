//! `SUBMITTED`: what the poll saw, or what the batch itself says.

use std::time::Duration;

use aoai_batch_client::{Batch, BatchId, BatchStatus, ErrorKind};

use super::watch::watch;
use crate::{
    error::StageResult,
    machine::PartEvent,
    model::{PartRecord, Problem, ProblemKind, ServiceInput, Submission, Timestamp},
    reconcile::Context,
    submit::{TOKENS, misconfigured, reads_present_input},
    upload::{Staged, look_at_staged},
};

/// A batch may be unknown to the service for this long after it was created.
const MAY_BE_UNKNOWN: Duration = Duration::from_mins(15);
/// And it must have been asked for so often: with waits that double, that takes a while, even where the ledger's clock has
/// jumped.
const ASKED_AT_LEAST: u32 = 10;

/// Decides what an ended batch means; asks for the batch if the poll has not seen its end.
pub(crate) async fn check(
    context: &Context,
    part: &PartRecord,
    submission: &Submission,
    batch_id: &BatchId,
    since: Timestamp,
    now: Timestamp,
) -> StageResult<PartEvent> {
    let seen = part.remote.clone().filter(|batch| batch.status.is_terminal());
    let batch = match seen {
        Some(batch) => batch,
        None => match context.service.get_batch(batch_id).await {
            Ok(batch) => batch,
            Err(error)
                if error.kind() == ErrorKind::NotFound && context.options.service.resubmit_forgotten =>
            {
                return Ok(PartEvent::FileUnusable { message: "the service forgot the batch".into() });
            }
            Err(error)
                if error.kind() == ErrorKind::NotFound
                    && now.since(since) > MAY_BE_UNKNOWN
                    && part.failures >= ASKED_AT_LEAST =>
            {
                let reason = format!("the service does not know batch {} any more", batch_id.0);
                return Ok(PartEvent::Quarantine { reason });
            }
            Err(error) => return Err(error.into()),
        },
    };
    if !batch.status.is_terminal() {
        return watch(context, part, submission, &batch, now).await;
    }
    // A batch that was adopted after its fence can only fail, or be cancelled before: it says nothing of the present generation.
    if batch.status != BatchStatus::Completed
        && batch.request_counts.completed == 0
        && !reads_present_input(context, submission, &batch)?
    {
        return Ok(PartEvent::OtherGenerationFailed);
    }
    if batch.status == BatchStatus::Failed && batch.request_counts.completed == 0 {
        return failed_without_cost(context, part, submission, batch, now).await;
    }
    Ok(PartEvent::BatchEnded(Box::new(batch)))
}

async fn failed_without_cost(
    context: &Context,
    part: &PartRecord,
    submission: &Submission,
    batch: Batch,
    now: Timestamp,
) -> StageResult<PartEvent> {
    let no_room = batch.errors.iter().find(|error| error.code.as_deref() == Some(TOKENS));
    if let Some(error) = no_room {
        return Ok(PartEvent::BatchPostponed {
            full: true,
            wait: context.backoff(submission.postponed + 1, None),
            problem: Problem {
                kind: ProblemKind::Quota,
                message: error.message.clone(),
                hint: Some("it is submitted again by itself when running batches have ended".into()),
                lasting: false,
                since: submission.postponed_since.unwrap_or(now),
            },
        });
    }
    let misconfigured = batch.errors.iter().find_map(|error| {
        misconfigured(context, error.code.as_deref().unwrap_or_default(), &error.message, submission, now)
    });
    if let Some(problem) = misconfigured {
        let wait = context.backoff(submission.postponed + 1, None);
        return Ok(PartEvent::BatchPostponed { wait, problem, full: false });
    }
    // A batch adopted after its fence fails because its input is gone.
    if let Some(message) = lost_input(context, part, submission, &batch).await? {
        return Ok(PartEvent::FileUnusable { message });
    }
    Ok(PartEvent::BatchEnded(Box::new(batch)))
}

/// In what way the input was not there for the batch any more, if so.
async fn lost_input(
    context: &Context,
    part: &PartRecord,
    submission: &Submission,
    batch: &Batch,
) -> StageResult<Option<String>> {
    let gone = || Some("the batch found its input deleted".to_owned());
    match &submission.input {
        ServiceInput::File(id) => match context.service.get_file(id).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(gone()),
            Err(error) => Err(error.into()),
            Ok(_) => Ok(None),
        },
        ServiceInput::Blob { at } => {
            let modified = batch.errors.iter().find(|error| error.code.as_deref() == Some("input_modified"));
            if let Some(error) = modified {
                return Ok(Some(format!("input_modified: {}", error.message)));
            }
            Ok(match look_at_staged(context, part, at).await? {
                Staged::Whole => None,
                Staged::Absent | Staged::Fenced | Staged::Other(_) => gone(),
            })
        }
    }
}
