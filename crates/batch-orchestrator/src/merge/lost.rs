//! Bundles of a ledger that was lost, or of a later state of this one. A member whose lines may have been sent in a bundle must
//! not be sent alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use adls_io::{DataLakeExt, ETag, EntryKind, ErrorKind, ListMode};
use futures::TryStreamExt;

use super::table::{Table, read_table};
use crate::{
    collect::MANIFEST_NAME,
    error::{PipelineError, StageError},
    ledger::{JobQuery, JobView},
    model::{InputSnapshot, JobKey, JobRecord, JobState, Member, PartKey, Timestamp},
    reconcile::Context,
    recover::read_decision,
    snapshot::Markers,
};

/// What was there when the run began, as far as it is not this ledger's own knowledge.
#[derive(Debug, Default)]
pub(crate) struct Bundles {
    members: Mutex<BTreeMap<PartKey, JobKey>>,
    suspects: Mutex<BTreeSet<JobKey>>,
}

impl Bundles {
    /// The bundle that a part was sent in.
    pub(crate) fn of(&self, part: &PartKey) -> Option<JobKey> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner).get(part).cloned()
    }

    /// Whether a later state of the ledger may have finished the job.
    pub(crate) fn is_suspect(&self, job: &JobKey) -> bool {
        self.suspects.lock().unwrap_or_else(PoisonError::into_inner).contains(job)
    }

    /// These jobs may be finished.
    pub(crate) fn suspect(&self, jobs: BTreeSet<JobKey>) {
        *self.suspects.lock().unwrap_or_else(PoisonError::into_inner) = jobs;
    }

    /// The bundle of this part came to nothing.
    pub(super) fn forget(&self, part: &PartKey) {
        self.members.lock().unwrap_or_else(PoisonError::into_inner).remove(part);
    }

    fn add(&self, table: &Table) {
        let mut map = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        map.extend(table.members.iter().map(|member| (member.part.clone(), table.bundle.clone())));
    }
}

/// Looks what bundles the lake has. Those with a plan may have been sent: their jobs are taken in where this ledger does not
/// know them, and members that it believes to be waiting join them. Answers how many were taken in.
pub(crate) async fn recall(
    context: &Context,
    bundles: &Bundles,
    markers: &Markers,
) -> Result<u64, PipelineError> {
    let directory = context.layout.bundles().map_err(|error| start(&error))?;
    let mut entries = context.lake.list_if_there(&directory, ListMode::Shallow);
    let mut found = Vec::new();
    while let Some(entry) = entries.try_next().await? {
        if entry.kind == EntryKind::Directory {
            found.push(JobKey(entry.location.path.file_name().to_owned()));
        }
    }
    let mut restored = 0;
    for key in found {
        // Unreadable, or somebody else's: the members that are ours say so when they are met.
        let Ok(Some(table)) = read_table(context, &key).await else { continue };
        if context.is_ours_or_adopted(&table.ledger) {
            restored += u64::from(take_in(context, bundles, markers, &table).await?);
        }
    }
    Ok(restored)
}

/// Whether the bundle's job was new to the ledger.
async fn take_in(
    context: &Context,
    bundles: &Bundles,
    markers: &Markers,
    table: &Table,
) -> Result<bool, PipelineError> {
    let key = &table.bundle;
    let query = JobQuery { key: Some(key.0.clone()), unfinished: true, ..JobQuery::default() };
    let known = !context.ledger.view(&query).await?.is_empty();
    let directory = context.layout.bundle(key).map_err(|error| start(&error))?;
    let delivered =
        context.lake.exists(&directory.join(MANIFEST_NAME).map_err(|error| start(&error))?).await?;
    let failed = |error: StageError| PipelineError::Start(error.message);
    if known {
        bundles.add(table);
        return Ok(false);
    }
    if read_decision(context, key).await.map_err(failed)?.is_some() {
        bundles.add(table);
        return Ok(context.ledger.restore(&[view(context, table).await?]).await? > 0);
    }
    if delivered && any_claimed(context, &table.members, markers) {
        bundles.add(table);
        return Ok(false);
    }
    // Its members are finished, or nothing of it was sent and they are as if it had never been: a ledger decides on a bundle
    // before it writes anything, so that ledger, or that state of it, is gone.
    context.lake.delete_directory(&context.layout.work(key).map_err(|error| start(&error))?).await?;
    context.lake.delete_directory(&directory).await?;
    Ok(false)
}

/// Whether a member's claim is still there: its job has yet to finish, or a person has to decide.
pub(super) fn any_claimed(context: &Context, members: &[Member], markers: &Markers) -> bool {
    let account = &context.options.lake.account;
    members.iter().any(|member| markers.contains_key(&JobKey::derive(account, &member.input, 0)))
}

fn start(error: &adls_io::PathError) -> PipelineError {
    PipelineError::Start(error.to_string())
}

/// The bundle's job, about to find its plan.
async fn view(context: &Context, table: &Table) -> Result<JobView, PipelineError> {
    let at = context.layout.bundle_input(&table.bundle).map_err(|error| start(&error))?;
    let now = context.ledger.now().await?;
    let input = match context.lake.head(&at).await {
        Ok(entry) => {
            InputSnapshot { location: at, etag: entry.etag, size: entry.size, modified_ms: entry.modified_ms }
        }
        // Whatever was sent of it is at the service.
        Err(error) if error.kind == ErrorKind::NotFound => {
            InputSnapshot { location: at, etag: ETag(String::new()), size: 0, modified_ms: now.0 }
        }
        Err(error) => return Err(error.into()),
    };
    Ok(JobView { job: record(table, input, now), parts: Vec::new() })
}

fn record(table: &Table, input: InputSnapshot, now: Timestamp) -> JobRecord {
    JobRecord {
        key: table.bundle.clone(),
        input,
        state: JobState::Claimed,
        cancel: None,
        version: 0,
        failures: 0,
        problem: None,
        due_at: now,
        created_at: table.since,
        updated_at: now,
    }
}
