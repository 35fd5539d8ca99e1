//! A manifest says that everything is there: whoever finds one only has to clean up.

use adls_io::{DataLakeExt, ErrorKind, LakePath, Location};

use super::decision::Decision;
use crate::{
    collect::{MANIFEST_MAX_BYTES, MANIFEST_NAME, Manifest},
    error::StageResult,
    ledger::JobQuery,
    machine::JobEvent,
    model::{JobKey, JobState, Publication, RawInput, Target, Timestamp, Totals},
    reconcile::Context,
};

/// Why a part of a job that was published is not worked on any more. The job finds its manifest and goes on from there.
pub(crate) const ALREADY_PUBLISHED: &str = "a later state of the ledger has published this job";

/// Whether a job that this ledger believes to be running has a manifest.
pub(crate) async fn is_published(context: &Context, job: &JobKey) -> StageResult<bool> {
    let query = JobQuery { key: Some(job.0.clone()), ..JobQuery::default() };
    match context.ledger.view(&query).await?.first().map(|view| &view.job.state) {
        Some(JobState::Running { target, .. }) => Ok(look(context, job, target).await?.is_some()),
        _ => Ok(false),
    }
}

/// What a decision that was found means, given what became of it since.
pub(crate) async fn published(
    context: &Context,
    job: &JobKey,
    decision: Decision,
    now: Timestamp,
) -> StageResult<JobEvent> {
    match look(context, job, &decision.target).await? {
        Some((totals, raw)) => {
            let publication = Box::new(decision.frame(now));
            Ok(JobEvent::FoundPublished { publication, totals, raw })
        }
        None => Ok(decision.found()),
    }
}

/// Whether a job that this ledger believes to be running was published by a later state of it.
pub(crate) async fn published_since(
    context: &Context,
    job: &JobKey,
    state: &JobState,
    now: Timestamp,
) -> StageResult<Option<JobEvent>> {
    let JobState::Running { plan, target, planned_at, .. } = state else { return Ok(None) };
    Ok(look(context, job, target).await?.map(|(totals, raw)| {
        let publication = Box::new(Publication {
            plan: Some(plan.as_ref().clone()),
            target: target.clone(),
            parts: Vec::new(),
            rejection: None,
            planned_at: *planned_at,
            decided_at: now,
            must_list: true,
        });
        JobEvent::FoundPublished { publication, totals, raw }
    }))
}

async fn look(context: &Context, job: &JobKey, target: &Target) -> StageResult<Option<(Totals, RawInput)>> {
    // The table of a bundle is there before its plan, and until all of its members are finished.
    if target.processed == context.layout.bundle(job)?
        && !context.lake.exists(&context.layout.bundle_table(job)?).await?
    {
        return Ok(Some((Totals::default(), RawInput::Replaced)));
    }
    for directory in [&target.processed, &target.error] {
        let at = directory.join(MANIFEST_NAME)?;
        let bytes = match context.lake.read_all(&at, MANIFEST_MAX_BYTES).await {
            Ok(bytes) => bytes,
            Err(error) if error.kind == ErrorKind::NotFound => continue,
            Err(error) => return Err(error.into()),
        };
        if let Some(manifest) = Manifest::parse(&bytes).filter(|manifest| manifest.job == *job) {
            return Ok(Some((manifest.totals(), raw(&manifest))));
        }
    }
    Ok(None)
}

/// Where the input is now. The path in the manifest is `filesystem/path`, as we wrote it; anything else is not believed.
fn raw(manifest: &Manifest) -> RawInput {
    let location = manifest.archived_at().and_then(|text| {
        let (filesystem, path) = text.split_once('/')?;
        Some(Location::new(filesystem, LakePath::parse(path).ok()?))
    });
    location.map_or(RawInput::Replaced, |location| RawInput::Archived { location })
}
