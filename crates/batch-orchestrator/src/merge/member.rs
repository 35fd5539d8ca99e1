//! `MERGED`: takes the share of the results when the bundle is done.

use adls_io::{DataLakeExt, ErrorKind};

use super::lost::Bundles;
use crate::{
    collect::MANIFEST_NAME,
    error::{StageError, StageResult},
    ledger::JobQuery,
    machine::PartEvent,
    model::{JobKey, JobState, PartRecord, PartResult, Problem, ProblemKind, Timestamp},
    reconcile::Context,
    recover::{ALREADY_PUBLISHED, is_published},
};

const MAX_BYTES: u64 = 16 << 20;

/// Looks how far the bundle is.
pub(crate) async fn await_share(
    context: &Context,
    bundles: &Bundles,
    part: &PartRecord,
    bundle: &JobKey,
    now: Timestamp,
) -> StageResult<PartEvent> {
    // The state first: what it says was done is there to be found afterwards.
    let query = JobQuery { key: Some(bundle.0.clone()), ..JobQuery::default() };
    let views = context.ledger.view(&query).await?;
    // Only with the manifest has every member its share, and none is written again.
    if context.lake.exists(&context.layout.bundle(bundle)?.join(MANIFEST_NAME)?).await?
        && let Some(result) = share(context, part).await?
    {
        return Ok(PartEvent::Delivered(Box::new(result)));
    }
    match views.first().map(|view| &view.job.state) {
        Some(JobState::Dropped { reason }) => {
            bundles.forget(&part.key);
            let message = format!("goes alone: the batch with other files came to nothing ({reason})");
            let problem =
                Problem { kind: ProblemKind::Local, message, hint: None, lasting: false, since: now };
            Ok(PartEvent::Unmerged { problem })
        }
        Some(JobState::Quarantined { reason, .. }) => Err(StageError {
            lasting: true,
            ..StageError::local(
                format!("its lines were sent in bundle {bundle}, which is quarantined: {reason}"),
                Some("decide what becomes of the bundle with `retry`; the file goes on by itself then"),
            )
        }),
        Some(JobState::Published { .. } | JobState::Done { .. }) | None => lost(context, part, bundle).await,
        Some(_) => Ok(PartEvent::StillRunning),
    }
}

/// The bundle is finished, and there is no share: it was taken, and published, or somebody removed it.
async fn lost(context: &Context, part: &PartRecord, bundle: &JobKey) -> StageResult<PartEvent> {
    let reason = if is_published(context, &part.key.job).await? {
        ALREADY_PUBLISHED.to_owned()
    } else {
        format!("its lines were sent in bundle {bundle}, of which nothing is left")
    };
    Ok(PartEvent::Quarantine { reason })
}

async fn share(context: &Context, part: &PartRecord) -> StageResult<Option<PartResult>> {
    let at = context.layout.share(&part.key)?;
    let bytes = match context.lake.read_all(&at, MAX_BYTES).await {
        Ok(bytes) => bytes,
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let result: PartResult = serde_json::from_slice(&bytes)
        .map_err(|error| StageError::local(format!("{at} is not what was written: {error}"), None))?;
    if result.key != part.key || result.plan != part.plan {
        return Err(StageError::local(format!("{at} is not of this part"), None));
    }
    Ok(Some(result))
}
