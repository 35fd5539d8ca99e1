//! What the service and the lake have of ours that no job needs.

mod lake;
mod service;

use std::{collections::HashMap, time::Duration};

use adls_io::Location;
use aoai_batch_client::{BatchId, FileId};

use crate::{
    error::{PipelineError, StageError, StageResult},
    ledger::{JobQuery, LedgerError, LedgerErrorKind},
    model::{JobKey, JobRecord, JobState, Timestamp},
    reconcile::{Context, Pool},
    snapshot::read_marker,
};

/// What is younger may belong to something that was begun a moment ago.
const GRACE: Duration = Duration::from_hours(1);

/// Something that is ours by its name.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Garbage {
    /// The endpoint, or the account of the lake.
    pub place: String,
    /// What it is.
    #[serde(flatten)]
    pub thing: Thing,
    /// The job that it was made for, where that can be told.
    pub job: Option<JobKey>,
    /// What is to be done about it.
    pub fate: Fate,
}

/// What lies there.
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
    /// A directory of a job in the lake's work directory: somebody wrote there who did not know that the job was finished.
    Work {
        /// Where.
        #[serde(serialize_with = "as_text")]
        at: Location,
    },
    /// A file in the lake that a writer has begun and never finished.
    Unfinished {
        /// Where.
        #[serde(serialize_with = "as_text")]
        at: Location,
    },
}

fn as_text<S: serde::Serializer>(at: &Location, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

/// What is to be done about it, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Its job is finished, and everything of it is in the lake; or nobody can still be writing it: it goes.
    Remove,
    /// Its job is not finished.
    Needed,
    /// This ledger does not know its job: another one's, or forgotten. It stays.
    Unknown,
    /// It is not old enough: an hour, for what is unfinished a day.
    Young,
}

/// What is known of a job, as far as this matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// Since when.
    Finished(Timestamp),
    Unfinished,
    Nothing,
}

fn judge(known: Known, created_at: Option<Timestamp>, now: Timestamp, grace: Duration) -> Fate {
    match known {
        Known::Nothing => Fate::Unknown,
        Known::Unfinished => Fate::Needed,
        Known::Finished(_) => {
            // Of unknown age is not old.
            let old = created_at.is_some_and(|at| at.after(grace) < now);
            if old { Fate::Remove } else { Fate::Young }
        }
    }
}

/// Lists what endpoints and lake have of ours, with what is to be done about it. Changes nothing.
pub(crate) async fn garbage(pool: &Pool) -> Result<Vec<Garbage>, PipelineError> {
    let mut all = Vec::new();
    for member in pool.endpoints() {
        all.extend(service::found(&member.context, member.id.endpoint()).await.map_err(failed)?);
    }
    all.extend(lake::found(pool.common()).await.map_err(failed)?);
    Ok(all)
}

fn failed(error: StageError) -> PipelineError {
    match error.ledger_away {
        true => LedgerError::new(LedgerErrorKind::Unavailable, "look up a job", error.message).into(),
        false => PipelineError::Start(error.message),
    }
}

/// What the ledger says of jobs, asked once for each.
struct Jobs<'a> {
    context: &'a Context,
    known: HashMap<JobKey, Known>,
}

impl<'a> Jobs<'a> {
    fn new(context: &'a Context) -> Self {
        Self { context, known: HashMap::new() }
    }

    async fn of(&mut self, job: &JobKey) -> StageResult<Known> {
        if let Some(known) = self.known.get(job) {
            return Ok(*known);
        }
        let known = match self.job(job).await? {
            None => Known::Nothing,
            Some(job) => match &job.state {
                JobState::Foreign { .. } => Known::Nothing,
                // Dropped: nothing was ever sent for good. Done: its manifest is in the lake. Two ledgers give one version of a
                // file the same key, so the marker says whether the other one works on it now.
                JobState::Done { .. } | JobState::Dropped { .. } if self.is_anothers(&job).await? => {
                    Known::Nothing
                }
                JobState::Done { .. } | JobState::Dropped { .. } => Known::Finished(job.updated_at),
                _ => Known::Unfinished,
            },
        };
        self.known.insert(job.clone(), known);
        Ok(known)
    }

    async fn job(&self, key: &JobKey) -> StageResult<Option<JobRecord>> {
        // Names and metadata are untrusted: a beginning of a key would find some job.
        if key.0.len() != JobKey::DIGITS {
            return Ok(None);
        }
        let query = JobQuery { key: Some(key.0.clone()), ..JobQuery::default() };
        let views = self.context.ledger.view(&query).await?;
        Ok(views.into_iter().map(|view| view.job).find(|job| job.key == *key))
    }

    async fn is_anothers(&self, job: &JobRecord) -> StageResult<bool> {
        if job.is_bundle() {
            return Ok(false);
        }
        let marker = read_marker(self.context, &self.context.layout.claim(&job.input)?).await?;
        Ok(marker
            .is_some_and(|(marker, _)| marker.job == job.key && marker.ledger != self.context.ledger.id()))
    }
}

/// Removes what is to go; answers how much that was. Doing it twice does no harm.
pub(crate) async fn remove(pool: &Pool, garbage: &[Garbage]) -> Result<u64, PipelineError> {
    let mut removed = 0;
    for one in garbage.iter().filter(|one| one.fate == Fate::Remove) {
        let removed_now = match &one.thing {
            Thing::Work { .. } | Thing::Unfinished { .. } => lake::remove(pool.common(), &one.thing).await?,
            thing => match pool.endpoints().into_iter().find(|member| member.id.endpoint() == one.place) {
                Some(member) => service::remove(&member.context, thing).await?,
                None => false,
            },
        };
        removed += u64::from(removed_now);
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_old_and_of_a_finished_job_goes() {
        let now = Timestamp(10_000_000_000);
        let (old, young) = (Some(Timestamp(1000)), Some(Timestamp(now.0 - 60_000)));
        let finished = Known::Finished(Timestamp(0));
        for (known, created_at, fate) in [
            (finished, old, Fate::Remove),
            (finished, young, Fate::Young),
            (finished, None, Fate::Young),
            (Known::Unfinished, old, Fate::Needed),
            (Known::Nothing, old, Fate::Unknown),
        ] {
            assert_eq!(judge(known, created_at, now, GRACE), fate, "{known:?} {created_at:?}");
        }
    }
}
