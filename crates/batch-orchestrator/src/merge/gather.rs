//! A small part that is due takes the others along.

use std::collections::VecDeque;

use super::{
    choose::{SmallFile, fits_in},
    lost::Bundles,
};
use crate::{
    error::StageResult,
    ledger::{Gathering, JobQuery, JobView},
    model::{InputSnapshot, JobKey, JobRecord, JobState, PartRecord, Timestamp},
    reconcile::Context,
};

/// What became of a part that looked for company.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Gathered {
    /// It goes alone.
    Alone,
    /// It is in a bundle, and nobody's lease on it holds any more.
    Gone,
}

/// Puts the part into a bundle with the others that wait, if there are any.
pub(crate) async fn gather(
    context: &Context,
    bundles: &Bundles,
    part: &PartRecord,
    now: Timestamp,
) -> StageResult<Gathered> {
    let Some(merge) = &context.options.limits.merge else { return Ok(Gathered::Alone) };
    let views = context.ledger.view(&JobQuery { unfinished: true, ..JobQuery::default() }).await?;
    let mut candidates: VecDeque<SmallFile> = VecDeque::new();
    for JobView { job, parts } in &views {
        let (JobState::Running { plan, .. }, false) = (&job.state, job.is_bundle()) else { continue };
        let [only] = parts.as_slice() else { continue };
        if bundles.of(&only.key).is_some() || bundles.is_suspect(&job.key) {
            continue;
        }
        match SmallFile::new(plan, only, merge) {
            Some(found) if only.key == part.key => candidates.push_front(found),
            Some(found) => candidates.push_back(found),
            None => {}
        }
    }
    if candidates.front().is_none_or(|first| first.member.part != part.key) {
        return Ok(Gathered::Alone);
    }
    let chosen = fits_in(candidates.into(), &context.options.limits);
    if chosen.len() < 2 {
        return Ok(Gathered::Alone);
    }
    let key = JobKey::of_bundle(context.ledger.id(), chosen.iter().map(|one| &one.member.part), now);
    let gathering = Gathering {
        members: chosen.iter().map(|one| (one.member.part.clone(), one.version)).collect(),
        bundle: bundle(context, key, chosen, now)?,
        due_at: now.after(context.timing().own_poll),
    };
    // Whoever was faster has changed one of them; going alone is never wrong.
    Ok(if context.ledger.gather(&gathering).await? { Gathered::Gone } else { Gathered::Alone })
}

fn bundle(context: &Context, key: JobKey, chosen: Vec<SmallFile>, now: Timestamp) -> StageResult<JobRecord> {
    let size = chosen.iter().map(|one| one.member.plan.upload_bytes).sum();
    let members = chosen.into_iter().map(|one| one.member).collect();
    Ok(JobRecord {
        // What is not written yet has no version.
        input: InputSnapshot {
            location: context.layout.bundle_input(&key)?,
            etag: adls_io::ETag(String::new()),
            size,
            modified_ms: now.0,
        },
        key,
        state: JobState::Merging { members },
        cancel: None,
        version: 0,
        failures: 0,
        problem: None,
        due_at: now,
        created_at: now,
        updated_at: now,
    })
}
