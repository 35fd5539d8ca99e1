//! `UNCERTAIN` and `FENCING`: what became of the one request?

use aoai_batch_client::{Batch, BatchApiExt, BatchStatus, PageQuery};
use futures::TryStreamExt;

use crate::{
    error::StageResult,
    machine::PartEvent,
    model::{PartRecord, Submission},
    reconcile::Context,
};

/// Lists the batches and adopts ours. More than one is a double submission: the furthest is kept, the others are
/// cancelled.
pub(crate) async fn settle(
    context: &Context,
    part: &PartRecord,
    submission: &Submission,
) -> StageResult<PartEvent> {
    let mut ours = Vec::new();
    let mut batches = std::pin::pin!(context.service.batches(PageQuery { limit: Some(100), after: None }));
    while let Some(batch) = batches.try_next().await? {
        if is_ours(&batch, part, submission) && !is_free(&batch) {
            ours.push(batch);
        }
    }
    ours.sort_by_key(progress);
    let Some(kept) = ours.pop() else { return Ok(PartEvent::BatchNotFound) };
    for duplicate in ours.iter().filter(|batch| !batch.status.is_terminal()) {
        tracing::error!(batch = %duplicate.id.0, kept = %kept.id.0, "two batches of one part: cancelling one");
        context.service.cancel_batch(&duplicate.id).await?;
    }
    Ok(PartEvent::BatchFound { batch_id: kept.id })
}

/// Deletes the input file, so that a request that is still under way finds nothing to work on.
pub(crate) async fn fence(context: &Context, submission: &Submission) -> StageResult<PartEvent> {
    context.service.delete_file(&submission.file_id).await?;
    Ok(PartEvent::FileDeleted)
}

fn is_ours(batch: &Batch, part: &PartRecord, submission: &Submission) -> bool {
    let by_file = batch
        .input_file_id
        .as_ref()
        .is_some_and(|id| *id == submission.file_id || submission.strays.files.contains(id));
    let tag = |key: &str| batch.metadata.get(key).map(String::as_str);
    let by_metadata = tag("aob_key") == Some(part.key.job.0.as_str())
        && tag("aob_part") == Some(part.key.part.to_string().as_str())
        && tag("aob_attempt") == Some(part.key.attempt.to_string().as_str());
    by_file || by_metadata
}

/// A batch that failed its validation was not billed and is not the one we paid for.
fn is_free(batch: &Batch) -> bool {
    batch.status == BatchStatus::Failed && batch.request_counts.completed == 0
}

/// How far a batch is; ended ones last, so that the one with results wins.
fn progress(batch: &Batch) -> (u8, u64) {
    let rank = match batch.status {
        BatchStatus::Completed => 5,
        BatchStatus::Finalizing => 4,
        BatchStatus::InProgress => 3,
        BatchStatus::Expired | BatchStatus::Cancelled | BatchStatus::Failed => 2,
        BatchStatus::Cancelling => 0,
        BatchStatus::Validating | BatchStatus::Unknown(_) => 1,
    };
    (rank, batch.request_counts.completed)
}
