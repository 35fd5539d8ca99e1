//! A copy of the part's bytes in the work directory, one for each generation.
//!
//! The service reads it by itself, for as long as a batch runs. The input is not used for that: somebody may replace
//! it meanwhile, and fencing must be able to take the bytes away.

use adls_io::{Condition, ErrorKind, Location};
use futures::TryStreamExt;

use super::body::{PartBytes, part_bytes};
use crate::{
    error::{StageError, StageResult},
    machine::PartEvent,
    model::PartRecord,
    reconcile::Context,
};

/// What stands where a copy should be.
pub(crate) enum Staged {
    /// Nothing.
    Absent,
    /// The copy. Files appear whole or not at all, so the size is proof enough.
    Whole,
    /// It was taken away, and must not come back.
    Fenced,
    /// Something else.
    Other(adls_io::ETag),
}

/// Looks at a copy.
pub(crate) async fn look_at_staged(
    context: &Context,
    part: &PartRecord,
    at: &Location,
) -> StageResult<Staged> {
    match context.lake.head(at).await {
        Ok(entry) if entry.size == part.plan.upload_bytes => Ok(Staged::Whole),
        Ok(entry) if entry.size == 0 => Ok(Staged::Fenced),
        Ok(entry) => Ok(Staged::Other(entry.etag)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(Staged::Absent),
        Err(error) => Err(error.into()),
    }
}

/// A copy that stands where the service reads it.
pub(super) struct Copied {
    pub(super) at: Location,
    /// SHA-256, if it was made just now.
    pub(super) sha256: Option<String>,
}

/// Makes the copy, unless it is there; `None` if the input is not the planned version any more.
pub(super) async fn stage(
    context: &Context,
    part: &PartRecord,
    generation: u32,
) -> StageResult<Option<Copied>> {
    let at = context.layout.staged(&part.key, generation)?;
    match look_at_staged(context, part, &at).await? {
        Staged::Whole => return Ok(Some(Copied { at, sha256: None })),
        Staged::Fenced => {
            return Err(StageError::local(format!("{at} was taken away by another worker"), None));
        }
        Staged::Other(etag) => drop(context.lake.delete(&at, Some(etag)).await?),
        Staged::Absent => {}
    }
    Ok(match copy(context, part, &at).await? {
        Copy::Done { sha256 } => Some(Copied { at, sha256 }),
        Copy::InputGone => None,
    })
}

/// Takes a copy away for good. Were it deleted, then a worker that was paused in the middle of [`stage`] could put it
/// back for a request that is still under way; but a copy only appears where nothing stands, so an empty file does.
/// No part is empty, and a batch of no lines costs nothing.
pub(crate) async fn fence_staged(context: &Context, at: &Location) -> StageResult<()> {
    context.lake.create(at).await?.commit(Condition::Always).await?;
    Ok(())
}

enum Copy {
    Done { sha256: Option<String> },
    InputGone,
}

async fn copy(context: &Context, part: &PartRecord, at: &Location) -> StageResult<Copy> {
    let PartBytes { open, fault, passed } =
        part_bytes(&context.lake, &part.input, &part.plan, context.new_model());
    let mut writer = context.lake.create(at).await?;
    let mut written = 0;
    let read = async {
        let mut bytes = open().await?;
        while let Some(block) = bytes.try_next().await? {
            written += block.len() as u64;
            if let Err(error) = writer.write(block).await {
                return Ok(Err(error));
            }
        }
        Ok::<_, std::io::Error>(Ok(()))
    };
    match read.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Err(error.into()),
        Err(error) => {
            return match fault.take() {
                Some(Ok(PartEvent::InputGone)) => Ok(Copy::InputGone),
                Some(Err(error)) => Err(error),
                _ => Err(StageError::local(format!("{}: {error}", part.input.location), None)),
            };
        }
    }
    if written != part.plan.upload_bytes {
        let planned = part.plan.upload_bytes;
        let message = format!("{} makes {written} bytes, {planned} were planned", part.input.location);
        return Err(StageError::local(message, Some("was service.set_model or the deployment changed?")));
    }
    // Never over another copy: a batch may be reading it, and must not find it modified.
    match writer.commit(Condition::IfAbsent).await {
        Ok(_) => Ok(Copy::Done { sha256: passed.sha256() }),
        Err(error) if error.kind == ErrorKind::AlreadyExists => {
            match look_at_staged(context, part, at).await? {
                Staged::Whole => Ok(Copy::Done { sha256: None }),
                _ => Err(error.into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}
