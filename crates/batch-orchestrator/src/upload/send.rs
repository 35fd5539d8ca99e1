//! The bytes pass through here into a file at the service.

use aoai_batch_client::{ErrorKind, ExpiresAfter, FileObject, Upload, UploadBody};

use super::{
    body::{PartBytes, part_bytes},
    files::{earlier_file, refusal},
};
use crate::{
    error::StageResult,
    machine::PartEvent,
    model::{PartRecord, ServiceInput},
    reconcile::Context,
};

/// Sends the file, after looking whether an earlier try got through.
pub(super) async fn send(
    context: &Context,
    part: &PartRecord,
    generation: u32,
    fresh: bool,
) -> StageResult<PartEvent> {
    // One of unknown size may be of another plan: the whole file, which was sent while it was validated.
    let is_whole = |file: &FileObject| file.bytes == Some(part.plan.upload_bytes);
    if !fresh && let Some(file) = earlier_file(context, part, generation).await?.filter(is_whole) {
        let input = ServiceInput::File(file.id);
        return Ok(PartEvent::InputStored { input, doubtful: true, sha256: None });
    }
    let PartBytes { open, fault, passed } =
        part_bytes(&context.lake, &part.input, &part.plan, context.new_model());
    let upload = Upload {
        filename: part.key.service_file(generation),
        expires_after: expiry(context),
        body: UploadBody::Replayable { length: Some(part.plan.upload_bytes), open },
    };
    match context.service.upload_file(upload).await {
        Ok(file) => {
            let input = ServiceInput::File(file.id);
            Ok(PartEvent::InputStored { input, doubtful: !fresh, sha256: passed.sha256() })
        }
        Err(error) => match fault.take() {
            Some(of_the_lake) => of_the_lake,
            None if error.kind() == ErrorKind::Rejected => Ok(PartEvent::UploadRefused(refusal(&error))),
            None => Err(error.into()),
        },
    }
}

/// When the service may delete a file by itself.
pub(super) fn expiry(context: &Context) -> Option<ExpiresAfter> {
    let after = context.options.service.file_expires_after;
    after.map(|after| ExpiresAfter { seconds: after.as_secs() })
}
