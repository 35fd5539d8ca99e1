//! Which deployment takes a part, and when it leaves for another.

use super::{Pool, pool::Member};
use crate::{
    error::StageResult,
    ledger::JobQuery,
    model::{DeploymentId, PartRecord, ProblemKind, Timestamp},
    quota::{Candidate, Demand, QuotaView, has_room, place},
};

/// An endpoint has failed a part so often before the part looks elsewhere.
const FAILURES: u32 = 3;

/// The deployment that a part is sent to; `None` if none has room.
pub(super) async fn place_of(
    pool: &Pool,
    part: &PartRecord,
    now: Timestamp,
) -> StageResult<Option<DeploymentId>> {
    let books = pool.common().ledger.quotas().await?;
    let demand = demand(pool, part, now).await?;
    let candidates = candidates(pool, part, now);
    // Where an attempt has failed, another deployment may do better; but none is waited for.
    let avoid = part.plan.again.as_ref().and_then(|again| again.avoid.as_ref());
    let others: Vec<_> = candidates
        .iter()
        .filter(|other| avoid.is_some_and(|avoid| other.deployment != *avoid) && !other.shunned)
        .filter(|other| has_room_at(&books, other, demand.tokens, now))
        .cloned()
        .collect();
    let chosen = place(&others, &books, demand, now).or_else(|| place(&candidates, &books, demand, now));
    Ok(chosen.map(|chosen| chosen.deployment.clone()))
}

fn has_room_at(books: &[QuotaView], candidate: &Candidate, tokens: u64, now: Timestamp) -> bool {
    let view = books.iter().find(|view| view.deployment == candidate.deployment);
    has_room(candidate, view, tokens, now)
}

/// Whether a part of so many tokens would be let in now.
pub(super) async fn has_place_for(pool: &Pool, tokens: u64, now: Timestamp) -> StageResult<bool> {
    let books = pool.common().ledger.quotas().await?;
    let candidates: Vec<_> = pool.members().iter().map(|member| candidate(pool, member, None, now)).collect();
    Ok(place(&candidates, &books, Demand { tokens, time_left: None }, now).is_some())
}

/// Another deployment, if the part has waited long enough at its own and the other would take it now.
pub(super) async fn better_place(
    pool: &Pool,
    here: &Member,
    part: &PartRecord,
    now: Timestamp,
) -> StageResult<Option<DeploymentId>> {
    if pool.members().len() < 2 {
        return Ok(None);
    }
    let failing = part.problem.as_ref().filter(|problem| {
        problem.kind == ProblemKind::Service && part.failures >= FAILURES && pool.is_shunned(here, now)
    });
    let since = failing.map(|problem| problem.since).or(part.state.waits_since());
    let patience = pool.common().options.run.move_after;
    if since.is_none_or(|since| now.since(since) < patience) {
        return Ok(None);
    }
    let books = pool.common().ledger.quotas().await?;
    let demand = demand(pool, part, now).await?;
    let others: Vec<Candidate> = candidates(pool, part, now)
        .into_iter()
        .filter(|other| other.deployment != here.id && !other.shunned)
        // Another deployment of the endpoint that fails is no better.
        .filter(|other| failing.is_none() || other.deployment.endpoint() != here.id.endpoint())
        .filter(|other| has_room_at(&books, other, demand.tokens, now))
        .collect();
    Ok(place(&others, &books, demand, now).map(|chosen| chosen.deployment.clone()))
}

fn candidates(pool: &Pool, part: &PartRecord, now: Timestamp) -> Vec<Candidate> {
    let cost = |member: &Member| member.context.cost_of(&part.plan).map(|cost| cost.high.nanodollars());
    pool.members().iter().map(|member| candidate(pool, member, cost(member), now)).collect()
}

fn candidate(pool: &Pool, member: &Member, cost: Option<u64>, now: Timestamp) -> Candidate {
    Candidate {
        deployment: member.id.clone(),
        weight: member.context.options.service.weight,
        limit: member.context.options.service.enqueued_tokens,
        cost,
        shunned: pool.is_shunned(member, now),
    }
}

async fn demand(pool: &Pool, part: &PartRecord, now: Timestamp) -> StageResult<Demand> {
    let context = pool.common();
    let time_left = match context.options.run.deadline {
        None => None,
        Some(deadline) => {
            let query = JobQuery { key: Some(part.key.job.0.clone()), ..JobQuery::default() };
            let view = context.ledger.view(&query).await?;
            view.first().map(|view| view.job.created_at.after(deadline).since(now))
        }
    };
    Ok(Demand { tokens: part.plan.quota_tokens(), time_left })
}
