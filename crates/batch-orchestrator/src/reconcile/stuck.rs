//! When one pass has done what it can: everything left waits for something that time alone will not bring soon.
//!
//! A batch that runs is never stuck, so a full quota is waited for as long as one of ours is what fills it.

use std::collections::BTreeSet;

use super::Context;
use crate::{
    error::PipelineError,
    ledger::{JobQuery, JobView},
    model::{JobKey, JobState, PartRecord, PartState, Problem, ProblemKind, Timestamp},
};

/// A lasting problem is believed after so many tries.
const TRIES: u32 = 3;

/// What a run leaves behind.
pub(super) struct Remaining {
    /// Jobs of which nothing was sent.
    pub(super) waiting: u64,
    /// Jobs with work in flight.
    pub(super) in_flight: u64,
    /// Jobs that wait for money, and for nothing else.
    pub(super) over_budget: u64,
    /// Jobs that wait for a person, whichever run has found that.
    pub(super) quarantined: u64,
}

/// Why a pass ends though not everything is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stuck {
    /// By something that was tried often enough.
    Failing,
    /// Only by bundles that wait for a person.
    Resting,
}

/// Whether every unfinished job is stuck, or each of these.
pub(super) async fn all_stuck(
    context: &Context,
    only: Option<&[JobKey]>,
) -> Result<Option<Stuck>, PipelineError> {
    let now = context.ledger.now().await?;
    let is_stuck = |failures: u32, problem: Option<&Problem>| {
        problem.is_some_and(|problem| stuck(context, failures, problem, now))
    };
    let views = unfinished(context).await?;
    let resting: BTreeSet<JobKey> = quarantined(context).await?;
    let meant = |view: &&JobView| only.is_none_or(|only| only.contains(&view.job.key));
    let mut found = None;
    for view in views.iter().filter(meant) {
        let mut open = view.parts.iter().filter(|part| !part.state.is_at_rest()).peekable();
        if matches!(view.job.state, JobState::Running { .. }) && open.peek().is_some() {
            for part in open {
                match &part.state {
                    PartState::Merged { bundle } if resting.contains(bundle) => {
                        found = found.or(Some(Stuck::Resting));
                    }
                    _ if waits_its_turn(part) => {}
                    _ if is_stuck(part.failures, part.problem.as_ref()) => found = Some(Stuck::Failing),
                    _ => return Ok(None),
                }
            }
        } else if is_stuck(view.job.failures, view.job.problem.as_ref()) {
            found = Some(Stuck::Failing);
        } else {
            return Ok(None);
        }
    }
    Ok(found)
}

/// A part for which no deployment has room waits for those that are there, and one in a bundle for that: it is as stuck as they
/// are.
fn waits_its_turn(part: &PartRecord) -> bool {
    let for_quota = part.problem.as_ref().is_some_and(|problem| problem.kind == ProblemKind::Quota);
    (part.state == PartState::Ready && for_quota) || matches!(part.state, PartState::Merged { .. })
}

/// Counts what is left.
pub(super) async fn remaining(context: &Context) -> Result<Remaining, PipelineError> {
    let mut remaining = Remaining { waiting: 0, in_flight: 0, over_budget: 0, quarantined: 0 };
    remaining.quarantined = quarantined(context).await?.len() as u64;
    for view in unfinished(context).await? {
        let open = || view.parts.iter().filter(|part| !part.state.is_at_rest());
        let for_money = |part: &PartRecord| {
            part.problem.as_ref().is_some_and(|problem| problem.kind == ProblemKind::Budget)
        };
        let sent = view.parts.iter().any(|part| part.state != PartState::Ready);
        *(if open().next().is_some() && open().all(for_money) {
            &mut remaining.over_budget
        } else if sent {
            &mut remaining.in_flight
        } else {
            &mut remaining.waiting
        }) += 1;
    }
    Ok(remaining)
}

fn stuck(context: &Context, failures: u32, problem: &Problem, now: Timestamp) -> bool {
    if problem.kind == ProblemKind::Budget {
        true
    } else if problem.lasting {
        failures >= TRIES
    } else {
        now.since(problem.since) >= context.options.retry.give_up_after
    }
}

async fn unfinished(context: &Context) -> Result<Vec<JobView>, PipelineError> {
    let query = JobQuery { unfinished: true, ..JobQuery::default() };
    Ok(context.ledger.view(&query).await?)
}

async fn quarantined(context: &Context) -> Result<BTreeSet<JobKey>, PipelineError> {
    let query = JobQuery { quarantined: true, ..JobQuery::default() };
    Ok(context.ledger.view(&query).await?.into_iter().map(|view| view.job.key).collect())
}
