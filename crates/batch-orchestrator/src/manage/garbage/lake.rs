//! What crashed and paused workers have left in the lake.

use std::{collections::BTreeSet, time::Duration};

use adls_io::{DataLakeExt, EntryKind, ListMode, Location};
use futures::TryStreamExt;

use super::{Fate, GRACE, Garbage, Jobs, Known, Thing, judge};
use crate::{
    error::{PipelineError, StageResult},
    model::{JobKey, Timestamp},
    reconcile::Context,
};

/// No file takes a writer so long.
const UNFINISHED: Duration = Duration::from_hours(24);

/// Lists what is ours.
pub(super) async fn found(context: &Context) -> StageResult<Vec<Garbage>> {
    let now = context.ledger.now().await?;
    let mut found = work(context, now).await?;
    let mut seen = BTreeSet::new();
    for root in roots(context)? {
        let mut listed = context.lake.list_if_there(&root, ListMode::Unfinished);
        while let Some(entry) = listed.try_next().await? {
            if !seen.insert(entry.location.clone()) {
                continue;
            }
            let old = Timestamp(entry.modified_ms).after(UNFINISHED) < now;
            let fate = if old { Fate::Remove } else { Fate::Young };
            found.push(garbage(context, Thing::Unfinished { at: entry.location }, None, fate));
        }
    }
    Ok(found)
}

/// Where we write: beside inputs only what is put back.
fn roots(context: &Context) -> StageResult<Vec<Location>> {
    let places = &context.options.lake;
    let own = context.layout.claims()?.parent();
    Ok(vec![places.processed.clone(), places.error.clone(), places.input.clone(), own])
}

/// Directories of jobs that are finished.
async fn work(context: &Context, now: Timestamp) -> StageResult<Vec<Garbage>> {
    let (mut jobs, mut found) = (Jobs::new(context), Vec::new());
    for directory in [context.layout.works()?, context.layout.bundles()?] {
        let mut listed = context.lake.list_if_there(&directory, ListMode::Shallow);
        while let Some(entry) = listed.try_next().await? {
            let name = entry.location.path.file_name();
            if entry.kind != EntryKind::Directory || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                continue;
            }
            let job = JobKey(name.to_owned());
            let known = jobs.of(&job).await?;
            // What is in it may be younger than the directory, but its job has had the time to take it along.
            let since = match known {
                Known::Finished(at) => Some(at),
                _ => None,
            };
            let fate = judge(known, since, now, GRACE);
            found.push(garbage(context, Thing::Work { at: entry.location.clone() }, Some(job), fate));
        }
    }
    Ok(found)
}

fn garbage(context: &Context, thing: Thing, job: Option<JobKey>, fate: Fate) -> Garbage {
    Garbage { place: context.options.lake.account.clone(), thing, job, fate }
}

/// Whether there was something to remove.
pub(super) async fn remove(context: &Context, thing: &Thing) -> Result<bool, PipelineError> {
    match thing {
        Thing::Work { at } => context.lake.delete_directory(at).await?,
        Thing::Unfinished { at } => context.lake.delete(at, None).await?,
        Thing::Input { .. } | Thing::Results { .. } | Thing::Batch { .. } => return Ok(false),
    };
    Ok(true)
}
