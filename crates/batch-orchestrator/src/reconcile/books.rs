//! What an event of a part means for the books of its deployment.

use std::time::Duration;

use super::Pool;
use crate::{
    ledger::Account,
    machine::PartEvent,
    model::{DeploymentId, PartRecord, PartResult, PartState, Problem, Timestamp},
    quota::{Budget, Intent, QuotaChange, Used, limit_in},
};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What is written to the books with an event.
pub(super) fn account(
    pool: &Pool,
    part: &PartRecord,
    event: &PartEvent,
    deployment: Option<DeploymentId>,
    now: Timestamp,
) -> Account {
    use PartEvent as E;
    let Ok(member) = pool.of(deployment.as_ref().or(part.deployment.as_ref())) else {
        return Account { deployment, ..Account::default() };
    };
    let context = &member.context;
    let refused = |problem: &Problem| Some(QuotaChange::Refused { limit: limit_in(&problem.message) });
    let change = match event {
        E::Admitted | E::Moved | E::NothingFound { .. } => {
            Some(QuotaChange::Placed { weight: context.options.service.weight })
        }
        E::FileReady => Some(QuotaChange::Intent(Intent {
            limit: context.options.service.enqueued_tokens,
            patience: context.options.run.patience,
            cost: context.cost_of(&part.plan).map_or(0, |cost| cost.high.nanodollars()),
            budgets: budgets(pool, now),
        })),
        E::Created { enqueued, .. } => Some(QuotaChange::Created {
            figure: enqueued.map(|told| told.enqueued),
            limit: enqueued.and_then(|told| told.maximum),
        }),
        E::CreatePostponed { problem, full: true, .. } | E::BatchPostponed { problem, full: true, .. } => {
            refused(problem)
        }
        E::BatchEnded(_) => {
            Some(QuotaChange::Ended(Used { turnaround: turnaround(part, now), ..Used::default() }))
        }
        E::Harvested(result) => Some(QuotaChange::Ended(used(result))),
        _ => None,
    };
    let cost = match event {
        E::Harvested(result) => result.cost.map(|cost| cost.actual).or(part.spending.map(|_| 0)),
        _ => None,
    };
    // Of a part whose place was never written down, it is where the first thing happened to it.
    let deployment = deployment.or_else(|| part.deployment.is_none().then(|| member.id.clone()));
    Account { deployment, change, cost }
}

/// What may be spent.
fn budgets(pool: &Pool, now: Timestamp) -> Vec<Budget> {
    let cost = &pool.common().options.cost;
    let day = Timestamp(now.0 - now.0.rem_euclid(DAY_MS));
    let per_day = cost.max_per_day.map(|limit| Budget {
        name: "limits.max_cost_per_day",
        since: day,
        renewed: Some(day.after(Duration::from_millis(DAY_MS.unsigned_abs()))),
        limit,
    });
    let per_run = cost.max_per_run.map(|limit| Budget {
        name: "--max-cost",
        since: pool.started_at(now),
        renewed: None,
        limit,
    });
    per_day.into_iter().chain(per_run).collect()
}

/// What a part used, as far as its answers tell.
fn used(result: &PartResult) -> Used {
    let harvest = &result.harvest;
    let answered = harvest.answered;
    // Where a line failed, its prompt was counted but not told.
    let whole = answered == result.plan.lines;
    Used {
        estimated: if whole { result.plan.tokens.prompt } else { 0 },
        actual: if whole { harvest.prompt_tokens } else { 0 },
        completion: harvest.completion_tokens,
        lines: answered,
        turnaround: None,
    }
}

/// How long the batch took, as far as polling told.
fn turnaround(part: &PartRecord, now: Timestamp) -> Option<Duration> {
    match &part.state {
        PartState::Submitted { since, .. } => Some(now.since(*since)),
        _ => None,
    }
}
