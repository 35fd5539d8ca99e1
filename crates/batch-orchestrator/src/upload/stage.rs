//! `UPLOADING`: brings the bytes to where the service reads them, in the way that is configured.

use super::{
    import::import,
    send::send,
    staged::{Copied, stage},
};
use crate::{
    error::StageResult,
    machine::PartEvent,
    model::{PartRecord, ServiceInput},
    options::Transfer,
    reconcile::Context,
};

/// Stores the input of a generation, after looking whether an earlier try got through.
pub(crate) async fn upload(
    context: &Context,
    part: &PartRecord,
    generation: u32,
    fresh: bool,
) -> StageResult<PartEvent> {
    match &context.options.service.transfer {
        Transfer::Upload => send(context, part, generation, fresh).await,
        Transfer::Import { urls } => import(context, urls.as_ref(), part, generation, fresh).await,
        // Whatever an earlier run sent in another mode is found by its name.
        Transfer::Blob { .. } => Ok(match stage(context, part, generation).await? {
            Some(Copied { at, sha256 }) => {
                PartEvent::InputStored { input: ServiceInput::Blob { at }, doubtful: !fresh, sha256 }
            }
            None => PartEvent::InputGone,
        }),
    }
}
