//! Which files are sent while they are validated: those of which it is clear, before they are read, what is sent where.

use super::{Pool, place::has_place_for, window::Place};
use crate::{
    error::StageResult,
    model::{JobRecord, PartKey, Timestamp},
    options::Transfer,
};

/// A token has so many bytes, roughly: all that can be said of a file that was not read.
const BYTES_PER_TOKEN: u64 = 4;

/// A place for a file that may be sent while it is validated; `None` if it is validated alone. `fresh`: certainly nobody has
/// tried before. What an earlier try may have left has to be listed for, and there must be no more of it.
pub(super) async fn early_place<'p>(
    pool: &'p Pool,
    job: &JobRecord,
    fresh: bool,
    now: Timestamp,
) -> StageResult<Option<Place<'p>>> {
    let [member] = pool.members() else { return Ok(None) };
    let context = &member.context;
    let size = job.input.size;
    let is_plain =
        matches!(context.options.service.transfer, Transfer::Upload) && context.new_model().is_none();
    // It waits for others that it is sent with.
    let is_small = context.options.limits.merge.is_some_and(|merge| size <= merge.below);
    if !fresh
        || is_small
        // Without a plan nothing of a bundle has been sent: that is what a lost ledger goes by.
        || job.is_bundle()
        // Its end is wanted.
        || job.cancel.is_some()
        || !is_plain
        || size == 0
        || size > context.options.limits.max_file_bytes
        || pool.is_shunned(member, now)
        || pool.full_until().is_some_and(|until| until > now)
        || !has_place_for(pool, size / BYTES_PER_TOKEN, now).await?
    {
        return Ok(None);
    }
    let run = &context.options.run;
    Ok(pool.window().take(context.ledger.as_ref(), run.max_in_flight, run.lease).await?)
}

/// Whether certainly nobody has sent anything of a job that this very process has claimed: an older ledger does not know that
/// somebody was here before.
pub(super) async fn is_untouched(pool: &Pool, job: &JobRecord) -> bool {
    let part = PartKey { job: job.key.clone(), part: 1, attempt: 1 };
    pool.common().survey.remembered(&part).await.files.is_empty()
}
