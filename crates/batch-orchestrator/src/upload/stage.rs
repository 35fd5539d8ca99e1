//! The stages of `UPLOADING` and `UPLOADED`.

use adls_io::ErrorKind as LakeErrorKind;
use aoai_batch_client::{BatchApiExt, ErrorKind, ExpiresAfter, FileObject, FileQuery, FileStatus, Upload};
use futures::TryStreamExt;

use super::part_body;
use crate::{
    error::{StageError, StageResult},
    machine::PartEvent,
    model::{InputSnapshot, PartFailure, PartRecord, ProblemKind, Submission},
    reconcile::Context,
};

/// `UPLOADING`: sends the file, after looking whether an earlier try got through.
pub(crate) async fn upload(
    context: &Context,
    part: &PartRecord,
    input: &InputSnapshot,
    generation: u32,
    fresh: bool,
) -> StageResult<PartEvent> {
    let filename = part.key.service_file(generation);
    if !fresh {
        let mut copies = find_files(context, &filename).await?;
        copies.retain(|file| file.bytes.is_none_or(|bytes| bytes == part.plan.upload_bytes));
        copies.sort_by_key(|file| file.created_at);
        if let Some(oldest) = copies.into_iter().next() {
            return Ok(PartEvent::FileStored { file_id: oldest.id, doubtful: true });
        }
    }
    let service = &context.options.service;
    let new_model = service.deployment.as_deref().filter(|_| service.set_model);
    let (body, fault) = part_body(&context.lake, input, &part.plan, new_model);
    let expires_after = service.file_expires_after.map(|after| ExpiresAfter { seconds: after.as_secs() });
    match context.service.upload_file(Upload { filename, expires_after, body }).await {
        Ok(file) => Ok(PartEvent::FileStored { file_id: file.id, doubtful: !fresh }),
        Err(error) => match fault.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take() {
            Some((LakeErrorKind::NotFound | LakeErrorKind::Precondition, _)) => Ok(PartEvent::InputGone),
            Some((_, message)) => {
                Err(StageError { kind: ProblemKind::Lake, message, hint: None, lasting: false, wait: None })
            }
            None if error.kind() == ErrorKind::Rejected => Ok(PartEvent::UploadRefused(refusal(&error))),
            None => Err(error.into()),
        },
    }
}

/// `UPLOADED`: waits until the service has processed the file; creating a batch before that is refused.
pub(crate) async fn await_processed(context: &Context, submission: &Submission) -> StageResult<PartEvent> {
    match context.service.get_file(&submission.file_id).await {
        Ok(file) => Ok(match file.status {
            FileStatus::Processed => PartEvent::FileReady,
            FileStatus::Error | FileStatus::Deleting | FileStatus::Deleted => PartEvent::FileUnusable {
                message: file.status_details.unwrap_or_else(|| format!("the file is {}", file.status)),
            },
            _ => PartEvent::FilePending,
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Ok(PartEvent::FileUnusable { message: "the service lost the uploaded file".into() })
        }
        Err(error) => Err(error.into()),
    }
}

/// Our files of this name; more than one where an upload was repeated.
pub(crate) async fn find_files(context: &Context, prefix: &str) -> StageResult<Vec<FileObject>> {
    let query = FileQuery { purpose: Some("batch".into()), ..FileQuery::default() };
    let mut found = Vec::new();
    let mut files = std::pin::pin!(context.service.files(query));
    while let Some(file) = files.try_next().await? {
        if file.filename.as_deref().is_some_and(|name| name.starts_with(prefix)) {
            found.push(file);
        }
    }
    Ok(found)
}

/// A refusal in the service's words.
pub(crate) fn refusal(error: &aoai_batch_client::Error) -> PartFailure {
    PartFailure { code: error.code().unwrap_or("rejected").to_owned(), message: error.message().to_owned() }
}
