//! One transition: state, event, new parts and wake-ups, or nothing.

use batch_orchestrator::{
    ledger::{JobCommit, Lease, LeaseRef, LedgerError, PartCommit, SpendingChange},
    model::{JobKey, PartKey, PartRecord, PartState, Timestamp},
};
use sqlx::AssertSqlSafe;

use super::{
    super::backend::{Tx, lock_job},
    books, gather,
    rows::{self, PartDocument, to_json},
};
use crate::{error::db, sql};

/// `None` if somebody else holds the job.
pub(super) async fn commit_job(
    tx: &mut Tx<'_>,
    lease: &LeaseRef,
    key: &JobKey,
    commit: &JobCommit,
    now: Timestamp,
) -> Result<Option<Option<Lease>>, LedgerError> {
    lock_job(tx, key).await?;
    for part in &commit.parts {
        insert_part(tx, part, now).await?;
    }
    let doc = to_json(&commit.state)?;
    let row = sqlx::query(AssertSqlSafe(sql::commit_job()))
        .bind(&key.0)
        .bind(lease.fence)
        .bind(lease.version)
        .bind(commit.state.name())
        .bind(&doc)
        .bind(commit.due_at.0)
        .bind(i64::from(commit.failures))
        .bind(commit.problem.as_ref().map(to_json).transpose()?)
        .bind(now.0)
        .bind(i64::from(commit.state.is_at_rest()))
        .bind(i64::from(commit.keep))
        .bind(commit.input.as_ref().map(to_json).transpose()?)
        .fetch_optional(&mut **tx)
        .await
        .map_err(db("commit"))?;
    let Some(row) = row else { return Ok(None) };
    let next = rows::job_lease(&row)?;
    gather::wake(tx, &commit.wake, now).await?;
    insert_event(tx, &key.0, next.reference(), commit.state.name(), now, &doc).await?;
    if commit.state.is_at_rest() {
        sqlx::query(sql::RELEASE_NAMES).bind(&key.0).execute(&mut **tx).await.map_err(db("commit"))?;
    }
    Ok(Some(commit.keep.then_some(next)))
}

/// `None` if somebody else holds the part.
pub(super) async fn commit_part(
    tx: &mut Tx<'_>,
    lease: &LeaseRef,
    key: &PartKey,
    commit: &PartCommit,
    now: Timestamp,
) -> Result<Option<Option<Lease>>, LedgerError> {
    let at_rest = commit.state.is_at_rest();
    if at_rest {
        // The last two parts of a job, at the same time: one of them must see that it is the last.
        lock_job(tx, &key.job).await?;
    }
    let Some(own) = books::own(tx, key).await? else { return Ok(None) };
    let commit = books::keep(tx, key, &own, commit.clone(), now).await?;
    let (doc, name) = (to_json(&commit.state)?, commit.state.name());
    let (spending, cost) = match commit.spending() {
        SpendingChange::Keep => (0, 0),
        SpendingChange::Clear => (1, 0),
        SpendingChange::Set(cost) => (2, i64::try_from(cost).unwrap_or(i64::MAX)),
    };
    let since = match &commit.state {
        PartState::Submitted { since, .. } => Some(since.0),
        _ => None,
    };
    let row = sqlx::query(AssertSqlSafe(sql::commit_part()))
        .bind(key.to_string())
        .bind(lease.fence)
        .bind(lease.version)
        .bind(name)
        .bind(&doc)
        .bind(commit.due_at.0)
        .bind(i64::from(commit.failures))
        .bind(commit.problem.as_ref().map(to_json).transpose()?)
        .bind(now.0)
        .bind(i64::from(at_rest))
        .bind(i64::from(commit.keep))
        .bind(i64::from(PartState::IN_FLIGHT.contains(&name)))
        .bind(commit.state.batch_id().map(|id| id.0.as_str()))
        .bind(since)
        .bind(commit.account.deployment.as_ref().map(|deployment| deployment.0.as_str()))
        .bind(i64::from(commit.state.holds_quota()))
        .bind(commit.state.waits_since().map(|since| since.0))
        .bind(spending)
        .bind(cost)
        .fetch_optional(&mut **tx)
        .await
        .map_err(db("commit"))?;
    let Some(row) = row else { return Ok(None) };
    let next = rows::part_lease(&row)?;
    insert_event(tx, &key.to_string(), next.reference(), name, now, &doc).await?;
    // Before the job is woken: it must see that there is more to come.
    if let Some(attempt) = &commit.next {
        insert_part(tx, attempt, now).await?;
    }
    books::released(tx, &own, &commit.state, now).await?;
    if at_rest {
        sqlx::query(sql::WAKE_JOB)
            .bind(&key.job.0)
            .bind(now.0)
            .execute(&mut **tx)
            .await
            .map_err(db("commit"))?;
    }
    Ok(Some(commit.keep.then_some(next)))
}

async fn insert_part(tx: &mut Tx<'_>, part: &PartRecord, now: Timestamp) -> Result<(), LedgerError> {
    if let Some(deployment) = &part.deployment {
        books::make(tx, &deployment.0).await?;
    }
    let document = PartDocument { plan: part.plan.clone(), input: part.input.clone() };
    sqlx::query(sql::INSERT_PART)
        .bind(part.key.to_string())
        .bind(&part.key.job.0)
        .bind(i64::from(part.key.part))
        .bind(i64::from(part.key.attempt))
        .bind(to_json(&document)?)
        .bind(part.state.name())
        .bind(to_json(&part.state)?)
        .bind(part.due_at.0)
        .bind(now.0)
        .bind(books::tokens(&part.plan))
        .bind(i64::from(PartState::IN_FLIGHT.contains(&part.state.name())))
        .bind(part.deployment.as_ref().map(|deployment| deployment.0.as_str()))
        .execute(&mut **tx)
        .await
        .map_err(db("commit"))?;
    Ok(())
}

pub(super) async fn insert_event(
    tx: &mut Tx<'_>,
    key: &str,
    lease: &LeaseRef,
    state: &str,
    now: Timestamp,
    doc: &str,
) -> Result<(), LedgerError> {
    sqlx::query(sql::INSERT_EVENT)
        .bind(key)
        .bind(lease.version)
        .bind(state)
        .bind(lease.fence)
        .bind(now.0)
        .bind(doc)
        .execute(&mut **tx)
        .await
        .map_err(db("commit"))?;
    Ok(())
}
