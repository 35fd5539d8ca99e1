//! `UNCERTAIN` and `FENCING`: what became of the one request?

use aoai_batch_client::{Batch, BatchApiExt, BatchStatus, FileId, PageQuery};
use futures::TryStreamExt;

use super::tags::tagged;
use crate::{
    error::StageResult,
    machine::PartEvent,
    model::{PartRecord, ServiceInput, Submission, Timestamp},
    reconcile::Context,
    upload::fence_staged,
};

/// Lists the batches and adopts ours. More than one is a double submission: the furthest is kept, the others are
/// cancelled.
pub(crate) async fn settle(
    context: &Context,
    part: &PartRecord,
    submission: &Submission,
    now: Timestamp,
) -> StageResult<PartEvent> {
    let known = Known::new(context, part, submission)?;
    let mut ours = Vec::new();
    let mut batches = std::pin::pin!(context.service.batches(PageQuery { limit: Some(100), after: None }));
    while let Some(batch) = batches.try_next().await? {
        let given_up = submission.strays.failed_batches.contains(&batch.id);
        if known.is_ours(&batch, part) && !is_free(&batch) && !given_up {
            ours.push(batch);
        }
    }
    let kept = keep_furthest(context, ours).await?;
    Ok(match kept {
        Some(kept) => PartEvent::BatchFound { batch_id: kept.id },
        None => PartEvent::BatchNotFound { looked_at: now },
    })
}

/// Keeps the batch that is furthest and cancels the others: more than one is a double submission.
pub(crate) async fn keep_furthest(context: &Context, mut ours: Vec<Batch>) -> StageResult<Option<Batch>> {
    ours.sort_by_key(progress);
    let Some(kept) = ours.pop() else { return Ok(None) };
    for duplicate in ours.iter().filter(|batch| !batch.status.is_terminal()) {
        tracing::error!(batch = %duplicate.id.0, kept = %kept.id.0, "two batches of one part: cancelling one");
        context.service.cancel_batch(&duplicate.id).await?;
    }
    Ok(Some(kept))
}

/// Takes the input away, so that a request that is still under way finds nothing to work on.
pub(crate) async fn fence(context: &Context, submission: &Submission) -> StageResult<PartEvent> {
    match &submission.input {
        ServiceInput::File(id) => drop(context.service.delete_file(id).await?),
        ServiceInput::Blob { at } => fence_staged(context, at).await?,
    }
    Ok(PartEvent::InputDeleted)
}

/// All inputs that this attempt ever had.
struct Known<'a> {
    files: Vec<&'a FileId>,
    blobs: Vec<String>,
}

impl<'a> Known<'a> {
    fn new(context: &Context, part: &PartRecord, submission: &'a Submission) -> StageResult<Self> {
        let inputs = || std::iter::once(&submission.input).chain(&submission.strays.inputs);
        let mut blobs = Vec::new();
        if inputs().any(|input| input.blob().is_some()) {
            let urls = context.urls()?;
            for generation in 1..=submission.generation {
                let at = context.layout.staged(&part.key, generation)?;
                blobs.push(comparable(&urls.blob_url(&at)));
            }
        }
        Ok(Self { files: inputs().filter_map(ServiceInput::file).collect(), blobs })
    }

    fn is_ours(&self, batch: &Batch, part: &PartRecord) -> bool {
        let by_file = batch.input_file_id.as_ref().is_some_and(|id| self.files.contains(&id));
        let by_blob = batch.input_blob.as_deref().is_some_and(|url| self.blobs.contains(&comparable(url)));
        let by_metadata = || tagged(batch).is_some_and(|(key, _)| key == part.key);
        by_file || by_blob || by_metadata()
    }
}

/// Whether a batch was made of the present generation's input, as far as the service tells.
pub(crate) fn reads_present_input(
    context: &Context,
    submission: &Submission,
    batch: &Batch,
) -> StageResult<bool> {
    Ok(match &submission.input {
        ServiceInput::File(id) => batch.input_file_id.as_ref().is_none_or(|told| told == id),
        ServiceInput::Blob { at } => {
            let ours = comparable(&context.urls()?.blob_url(at));
            batch.input_blob.as_deref().is_none_or(|told| comparable(told) == ours)
        }
    })
}

/// A URL in the one form that all its spellings share: no query, no percent-encoding, its host in lower case. Two
/// URLs of ours never share it, for the path of each holds its job's key.
fn comparable(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let mut bytes = Vec::with_capacity(url.len());
    let mut rest = url.as_bytes();
    while let [first, tail @ ..] = rest {
        let encoded = match tail {
            [high, low, ..] if *first == b'%' => hex_digit(*high).zip(hex_digit(*low)),
            _ => None,
        };
        match encoded {
            Some((high, low)) => {
                bytes.push(high << 4 | low);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    let host = text.find("://").map_or(0, |at| at + 3);
    let path = text[host..].find('/').map_or(text.len(), |at| host + at);
    text[..path].to_lowercase() + &text[path..]
}

fn hex_digit(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// A batch that failed its validation was not billed and is not the one we paid for.
pub(crate) fn is_free(batch: &Batch) -> bool {
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

#[cfg(test)]
mod tests {
    use super::comparable;

    #[test]
    fn spellings_of_one_blob_are_equal() {
        let ours =
            comparable("https://acc.blob.core.windows.net/fs/_aoai-batch/work/1/staged/a%c3%bc b.jsonl");
        for url in [
            "https://ACC.blob.core.windows.net/fs/_aoai-batch/work/1/staged/a%C3%BC%20b.jsonl",
            "https://acc.blob.core.windows.net/fs/%5Faoai-batch/work/1/staged/aü b.jsonl?sv=1#x",
        ] {
            assert_eq!(comparable(url), ours, "{url}");
        }
        assert_ne!(
            comparable("https://acc.blob.core.windows.net/fs/_aoai-batch/work/1/staged/A%c3%bc b.jsonl"),
            ours
        );
        for odd in ["", "%", "%zz", "://", "mem://x", "%2", "https://ü"] {
            comparable(odd);
        }
    }
}
