//! What the service has of ours that no job needs.

use std::{collections::HashMap, time::Duration};

use aoai_batch_client::{Batch, BatchApiExt, BatchId, FileId, FileObject, FileQuery, PageQuery};
use futures::TryStreamExt;

use crate::{
    error::{PipelineError, StageResult},
    ledger::{JobQuery, LedgerError, LedgerErrorKind},
    model::{JobKey, JobState, PartKey, Timestamp},
    reconcile::{Context, Pool},
    submit::tagged,
};

/// What is younger may belong to something that was begun a moment ago.
const GRACE: Duration = Duration::from_hours(1);

/// A file or a batch at the service that is ours by its name.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Garbage {
    /// The endpoint.
    pub endpoint: String,
    /// What it is.
    #[serde(flatten)]
    pub thing: Thing,
    /// The job that it was made for.
    pub job: JobKey,
    /// What is to be done about it.
    pub fate: Fate,
}

/// What lies at the service.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Thing {
    /// An uploaded input.
    Input {
        /// Its id.
        id: FileId,
        /// Its name.
        name: String,
    },
    /// The output or error file of a batch of ours.
    Results {
        /// Its id.
        id: FileId,
        /// Of which batch.
        batch: BatchId,
    },
    /// A batch that has not ended.
    Batch {
        /// Its id.
        id: BatchId,
    },
}

/// What is to be done about it, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Its job is finished, and everything of it is in the lake: it goes.
    Remove,
    /// Its job is not finished.
    Needed,
    /// This ledger does not know its job: another one's, or forgotten. It stays.
    Unknown,
    /// It is not an hour old.
    Young,
}

/// What is known of a job, as far as this matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Finished,
    Unfinished,
    Nothing,
}

fn judge(known: Known, created_at: Option<i64>, now: Timestamp, grace: Duration) -> Fate {
    match known {
        Known::Nothing => Fate::Unknown,
        Known::Unfinished => Fate::Needed,
        Known::Finished => {
            // Of unknown age is not old.
            let old = created_at.is_some_and(|at| Timestamp(at.saturating_mul(1000)).after(grace) < now);
            if old { Fate::Remove } else { Fate::Young }
        }
    }
}

/// Lists what the endpoints have of ours, with what is to be done about it. Changes nothing.
pub(crate) async fn garbage(pool: &Pool) -> Result<Vec<Garbage>, PipelineError> {
    let mut all = Vec::new();
    for member in pool.endpoints() {
        let found = at_endpoint(&member.context, member.id.endpoint()).await;
        all.extend(found.map_err(|error| match error.ledger_away {
            true => LedgerError::new(LedgerErrorKind::Unavailable, "look up a job", error.message).into(),
            false => PipelineError::Start(error.message),
        })?);
    }
    Ok(all)
}

async fn at_endpoint(context: &Context, endpoint: &str) -> StageResult<Vec<Garbage>> {
    let now = context.ledger.now().await?;
    let grace = GRACE.max(context.options.run.list_settle.saturating_mul(2));
    let mut files: HashMap<FileId, FileObject> = HashMap::new();
    let mut listed = std::pin::pin!(context.service.files(FileQuery::default()));
    while let Some(file) = listed.try_next().await? {
        files.insert(file.id.clone(), file);
    }
    let mut jobs = Jobs { context, known: HashMap::new() };
    let mut found = Vec::new();
    for file in files.values() {
        let named =
            file.filename.as_deref().and_then(|name| Some((PartKey::parse_service_file(name)?, name)));
        let Some(((part, _), name)) = named else { continue };
        let fate = judge(jobs.of(&part.job).await?, file.created_at, now, grace);
        let thing = Thing::Input { id: file.id.clone(), name: name.to_owned() };
        found.push(Garbage { endpoint: endpoint.to_owned(), thing, job: part.job, fate });
    }
    let mut batches = std::pin::pin!(context.service.batches(PageQuery { limit: Some(100), after: None }));
    while let Some(batch) = batches.try_next().await? {
        let Some(job) = owner(&files, &batch) else { continue };
        let known = jobs.of(&job).await?;
        let mut add = |thing, created_at| {
            let fate = judge(known, created_at, now, grace);
            found.push(Garbage { endpoint: endpoint.to_owned(), thing, job: job.clone(), fate });
        };
        if !batch.status.is_terminal() {
            add(Thing::Batch { id: batch.id.clone() }, batch.created_at);
        }
        // Captured traffic shows ids of files that were never written: only what is listed is there.
        for id in batch.output_file_id.iter().chain(&batch.error_file_id) {
            if let Some(file) = files.get(id) {
                add(Thing::Results { id: id.clone(), batch: batch.id.clone() }, file.created_at);
            }
        }
    }
    let order = |garbage: &Garbage| match &garbage.thing {
        // A batch before what it reads, so that nothing is taken from under it.
        Thing::Batch { id } => (0, garbage.job.clone(), id.0.clone()),
        Thing::Input { name, .. } => (1, garbage.job.clone(), name.clone()),
        Thing::Results { id, .. } => (2, garbage.job.clone(), id.0.clone()),
    };
    found.sort_by_key(order);
    Ok(found)
}

/// Whose batch it is: by the name of what it reads, or by its metadata.
fn owner(files: &HashMap<FileId, FileObject>, batch: &Batch) -> Option<JobKey> {
    let input = batch.input_file_id.as_ref().and_then(|id| files.get(id));
    let named = input.and_then(|file| PartKey::parse_service_file(file.filename.as_deref()?));
    named.map(|(part, _)| part.job).or_else(|| tagged(batch).map(|(part, _)| part.job))
}

/// What the ledger says of jobs, asked once for each.
struct Jobs<'a> {
    context: &'a Context,
    known: HashMap<JobKey, Known>,
}

impl Jobs<'_> {
    async fn of(&mut self, job: &JobKey) -> StageResult<Known> {
        if let Some(known) = self.known.get(job) {
            return Ok(*known);
        }
        let query = JobQuery { key: Some(job.0.clone()), ..JobQuery::default() };
        let views = self.context.ledger.view(&query).await?;
        let known = match views.first().map(|view| &view.job.state) {
            None => Known::Nothing,
            // Dropped: nothing was ever sent for good. Done: its manifest is in the lake.
            Some(JobState::Done { .. } | JobState::Dropped { .. }) => Known::Finished,
            Some(JobState::Foreign { .. }) => Known::Nothing,
            Some(_) => Known::Unfinished,
        };
        self.known.insert(job.clone(), known);
        Ok(known)
    }
}

/// Removes what is to go; answers how much that was. Doing it twice does no harm.
pub(crate) async fn remove(pool: &Pool, garbage: &[Garbage]) -> Result<u64, PipelineError> {
    let mut removed = 0;
    for one in garbage.iter().filter(|one| one.fate == Fate::Remove) {
        let Some(member) = pool.endpoints().into_iter().find(|member| member.id.endpoint() == one.endpoint)
        else {
            continue;
        };
        let service = member.context.service.as_ref();
        match &one.thing {
            Thing::Input { id, .. } | Thing::Results { id, .. } => drop(service.delete_file(id).await?),
            Thing::Batch { id } => match service.cancel_batch(id).await {
                Ok(_) => {}
                // It has ended in this very moment.
                Err(error) if error.kind() == aoai_batch_client::ErrorKind::Rejected => {}
                Err(error) if error.kind() == aoai_batch_client::ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            },
        }
        removed += 1;
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_old_and_of_a_finished_job_goes() {
        let now = Timestamp(10_000_000_000);
        let (old, young) = (Some(1), Some(now.0 / 1000 - 60));
        for (known, created_at, fate) in [
            (Known::Finished, old, Fate::Remove),
            (Known::Finished, young, Fate::Young),
            (Known::Finished, None, Fate::Young),
            (Known::Unfinished, old, Fate::Needed),
            (Known::Nothing, old, Fate::Unknown),
        ] {
            assert_eq!(judge(known, created_at, now, GRACE), fate, "{known:?} {created_at:?}");
        }
    }
}
