//! `UPLOADED`: waits until the input can be used; creating a batch before that is refused.

use aoai_batch_client::{ErrorKind, FileId, FileObject, FileStatus};

use super::{
    import::{failure, is_direct, is_input_unchanged, source, without_secret},
    staged::{Staged, look_at_staged},
};
use crate::{
    error::StageResult,
    machine::PartEvent,
    model::{PartRecord, ServiceInput, Submission, Timestamp},
    options::{BlobUrls, Transfer},
    reconcile::Context,
};

/// Asks how far the service is with the file; a copy in the lake only has to be there.
pub(crate) async fn await_processed(
    context: &Context,
    part: &PartRecord,
    submission: &Submission,
    now: Timestamp,
) -> StageResult<PartEvent> {
    let id = match &submission.input {
        ServiceInput::File(id) => id,
        ServiceInput::Blob { at } => {
            return Ok(match look_at_staged(context, part, at).await? {
                Staged::Whole => PartEvent::FileReady,
                Staged::Absent | Staged::Fenced => unusable(&format!("{at} is gone")),
                Staged::Other(_) => unusable(&format!("{at} is not what was written")),
            });
        }
    };
    let file = match context.service.get_file(id).await {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok(unusable("the service lost the uploaded file"));
        }
        Err(error) => return Err(error.into()),
    };
    if let Transfer::Import { urls } = &context.options.service.transfer {
        return imported(context, urls.as_ref(), part, submission, &file, now).await;
    }
    Ok(match file.status {
        FileStatus::Processed => PartEvent::FileReady,
        FileStatus::Error | FileStatus::Deleting | FileStatus::Deleted => {
            unusable(&file.status_details.unwrap_or_else(|| format!("the file is {}", file.status)))
        }
        _ => PartEvent::FilePending,
    })
}

fn unusable(message: &str) -> PartEvent {
    PartEvent::FileUnusable { message: message.to_owned() }
}

/// What became of an import: the service read the lake when it liked, so what it read must be proven.
async fn imported(
    context: &Context,
    urls: &dyn BlobUrls,
    part: &PartRecord,
    submission: &Submission,
    file: &FileObject,
    now: Timestamp,
) -> StageResult<PartEvent> {
    let planned = part.plan.upload_bytes;
    let fault = match file.status {
        // No input has zero bytes: a service that says so does not know.
        FileStatus::Processed => match file.bytes.filter(|bytes| *bytes > 0) {
            Some(bytes) if bytes != planned => {
                Some(format!("the service imported {bytes} bytes, expected {planned}"))
            }
            _ => None,
        },
        FileStatus::Error | FileStatus::Deleting | FileStatus::Deleted => {
            let from = source(context, part, submission.generation)?;
            Some(match &file.status_details {
                Some(details) => format!("the import failed: {}", without_secret(details, urls, &from)),
                None => format!("the import failed: the file is {}", file.status),
            })
        }
        _ => return Ok(PartEvent::FilePending),
    };
    // Once it was proven, the input may change: the service has its copy.
    let proven = submission.postponed_since.is_some();
    if !proven && is_direct(context, part) && !is_input_unchanged(context, part).await? {
        discard(context, &file.id).await?;
        return Ok(PartEvent::InputGone);
    }
    let Some(message) = fault else { return Ok(PartEvent::FileReady) };
    discard(context, &file.id).await?;
    let setbacks = submission.strays.setbacks;
    let error = failure(message);
    let mut problem = error.problem(None, now);
    problem.since = setbacks.since.unwrap_or(now);
    Ok(PartEvent::ImportFailed { wait: context.backoff(setbacks.count + 1, None), problem })
}

/// A file that will not be used.
async fn discard(context: &Context, file: &FileId) -> StageResult<()> {
    context.service.delete_file(file).await?;
    Ok(())
}
