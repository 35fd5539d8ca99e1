//! The machine of a job.

use std::time::Duration;

use adls_io::Location;
use aoai_batch_client::FileId;

use super::IllegalEvent;
use crate::model::{
    Artifact, DeploymentId, InputSnapshot, JobPlan, JobState, Outcome, PartResult, Publication, RawInput,
    Target, Timestamp, Totals,
};

/// What a stage found or did.
#[derive(Debug, Clone, PartialEq)]
pub enum JobEvent {
    /// The claim marker is ours.
    Claimed {
        /// Whether it was written just now; otherwise somebody may have begun before.
        first: bool,
    },
    /// The bundle is put together.
    Assembled {
        /// The file.
        input: InputSnapshot,
        /// Whether it was written just now; otherwise somebody may have gone on with it before.
        first: bool,
    },
    /// Some members of the bundle have yet to take their results.
    MembersPending,
    /// The claim marker is another ledger's.
    ClaimedElsewhere {
        /// That ledger's id.
        owner: String,
    },
    /// The input is not this version any more.
    InputGone {
        /// In what way.
        reason: String,
    },
    /// The input is valid.
    Planned {
        /// How to send it.
        plan: Box<JobPlan>,
        /// Where the results go.
        target: Target,
        /// What the service has of it.
        early: Early,
    },
    /// An earlier plan was found: some of its parts may have been sent.
    Recovered {
        /// How it is sent.
        plan: Box<JobPlan>,
        /// Where the results go.
        target: Target,
        /// When the plan was made.
        planned_at: Timestamp,
    },
    /// Its manifest was found: it was published by somebody who knew more than this ledger.
    FoundPublished {
        /// What is known of it: no parts.
        publication: Box<Publication>,
        /// The sum.
        totals: Totals,
        /// What became of the input.
        raw: RawInput,
    },
    /// The input is not valid; the report is in the lake's work directory.
    Rejected {
        /// The report.
        report: Artifact,
        /// Where it goes.
        target: Target,
        /// Whether files of it may be at the service.
        must_list: bool,
    },
    /// Some parts are on their way.
    PartsPending,
    /// The service may have a copy that its lists do not show yet.
    ListsPending {
        /// When they do.
        until: Timestamp,
    },
    /// All parts are resolved.
    PartsResolved {
        /// In order.
        parts: Vec<PartResult>,
    },
    /// Results, input and manifest are where they belong, and verified.
    Published {
        /// The sum.
        totals: Totals,
        /// What became of the input.
        raw: RawInput,
    },
    /// Nothing of ours is left at the service or in the work directory.
    CleanedUp,
    /// Only a person can decide.
    Quarantine {
        /// Why.
        reason: String,
    },
}

/// What became of an input that was sent while it was validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Early {
    /// The service has nothing of it.
    Absent,
    /// The service may have a copy that nobody knows of.
    Doubtful,
    /// The service has all of it, and it is the one part.
    Stored {
        /// The file.
        file: FileId,
        /// At which deployment.
        deployment: DeploymentId,
    },
}

/// The next state, and when there is something to do in it.
#[derive(Debug, Clone, PartialEq)]
pub struct JobStep {
    /// The next state.
    pub state: JobState,
    /// When it is due.
    pub due_at: Timestamp,
}

/// How often a bundle looks whether its members are finished.
const MEMBERS_POLL: Duration = Duration::from_secs(2);

/// State and event give the next state.
///
/// # Errors
/// `IllegalEvent` where the event makes no sense in the state.
pub fn advance_job(state: &JobState, event: JobEvent, now: Timestamp) -> Result<JobStep, IllegalEvent> {
    use JobEvent as E;
    use JobState as S;
    let next = |state| Ok(JobStep { state, due_at: now });
    let rest = |state| Ok(JobStep { state, due_at: Timestamp::NEVER });
    match (state.clone(), event) {
        (state, event) if state.is_at_rest() => illegal(&state, &event),
        (was, E::Quarantine { reason }) => rest(S::Quarantined { reason, was: Box::new(was) }),

        (S::Seen, E::Claimed { .. }) => next(S::Claimed),
        // Nobody else can want it: it has no claim marker.
        (S::Merging { .. }, E::Assembled { .. }) => next(S::Claimed),
        (state @ S::Published { .. }, E::MembersPending) => {
            Ok(JobStep { state, due_at: now.after(MEMBERS_POLL) })
        }
        (state @ S::Published { .. }, E::ListsPending { until }) => Ok(JobStep { state, due_at: until }),
        (S::Seen, E::ClaimedElsewhere { owner }) => rest(S::Foreign { owner }),
        (S::Seen | S::Claimed | S::Running { .. }, E::InputGone { reason }) => rest(S::Dropped { reason }),

        (S::Claimed, E::Planned { plan, target, early }) => {
            next(S::Running { plan, target, planned_at: now, must_list: early == Early::Doubtful })
        }
        (S::Seen | S::Claimed, E::Recovered { plan, target, planned_at }) => {
            next(S::Running { plan, target, planned_at, must_list: true })
        }
        (S::Seen | S::Claimed | S::Running { .. }, E::FoundPublished { publication, totals, raw }) => {
            next(S::Published { publication, totals, raw })
        }
        (S::Seen | S::Claimed, E::Rejected { report, target, must_list }) => {
            next(S::Publishing(Box::new(Publication {
                plan: None,
                target,
                parts: Vec::new(),
                rejection: Some(report),
                planned_at: now,
                decided_at: now,
                must_list,
            })))
        }

        // The commit of the last part wakes the job.
        (state @ S::Running { .. }, E::PartsPending) => rest(state),
        (S::Running { plan, target, planned_at, must_list }, E::PartsResolved { parts }) => {
            next(S::Publishing(Box::new(Publication {
                plan: Some(*plan),
                target,
                parts,
                rejection: None,
                planned_at,
                decided_at: now,
                must_list,
            })))
        }

        (S::Publishing(publication), E::Published { totals, raw }) => {
            next(S::Published { publication, totals, raw })
        }
        (S::Published { publication, totals, raw }, E::CleanedUp) => {
            let outcome = publication.outcome_of(&totals);
            rest(S::Done { outcome, target: publication.target.clone(), totals, raw })
        }

        (state, event) => illegal(&state, &event),
    }
}

fn illegal(state: &JobState, event: &JobEvent) -> Result<JobStep, IllegalEvent> {
    Err(IllegalEvent { state: state.name(), event: format!("{event:?}") })
}

impl Publication {
    /// How the job ended.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome_of(&self.totals())
    }

    /// How the job ended, by this sum.
    fn outcome_of(&self, totals: &Totals) -> Outcome {
        match (&self.rejection, totals.output, totals.error) {
            (Some(_), ..) => Outcome::Rejected,
            (None, 0, _) => Outcome::Failed,
            (None, _, 0) => Outcome::Completed,
            (None, ..) => Outcome::Partial,
        }
    }

    /// The sum over the parts.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let lines = |artifact: &Option<Artifact>| artifact.as_ref().map_or(0, |a| a.lines);
        let mut totals = Totals {
            lines: self.plan.as_ref().map_or(0, |plan| plan.lines),
            estimated_tokens: self.plan.as_ref().map_or(0, |plan| plan.tokens.prompt),
            ..Totals::default()
        };
        totals.cost = self.parts.iter().map(|part| part.cost.map(|cost| cost.actual)).sum();
        for PartResult { harvest, .. } in self.last_attempts() {
            totals.output += lines(&harvest.output);
            totals.error += lines(&harvest.error);
        }
        for PartResult { harvest, .. } in &self.parts {
            totals.prompt_tokens += harvest.prompt_tokens;
            totals.cached_tokens += harvest.cached_tokens;
            totals.completion_tokens += harvest.completion_tokens;
        }
        totals
    }

    /// The last attempt at each part, in order: its files hold the results of the whole part.
    pub fn last_attempts(&self) -> impl Iterator<Item = &PartResult> {
        self.parts.iter().filter(|part| part.is_last())
    }

    /// Where the raw input belongs: beside the results, or with the errors if no line succeeded.
    #[must_use]
    pub fn raw_directory(&self) -> &Location {
        if self.totals().output > 0 { &self.target.processed } else { &self.target.error }
    }
}

#[cfg(test)]
mod tests;
