//! Taking in the work of a ledger that was lost.

use batch_orchestrator::{
    ledger::{JobView, LedgerError},
    model::{PartRecord, PartState, Timestamp},
};

use super::{
    super::backend::Tx,
    books,
    rows::{PartDocument, to_json},
};
use crate::{error::db, sql};

/// Inserts a job with its parts; `false` if it is known.
pub(super) async fn job(tx: &mut Tx<'_>, view: &JobView, now: Timestamp) -> Result<bool, LedgerError> {
    let JobView { job, parts } = view;
    let inserted = sqlx::query(sql::RESTORE_JOB)
        .bind(&job.key.0)
        .bind(to_json(&job.input)?)
        .bind(job.state.name())
        .bind(to_json(&job.state)?)
        .bind(i64::from(job.failures))
        .bind(job.problem.as_ref().map(to_json).transpose()?)
        .bind(now.0)
        .bind(i64::from(job.state.is_at_rest()))
        .bind(job.created_at.0)
        .execute(&mut **tx)
        .await
        .map_err(db("restore"))?;
    if inserted.rows_affected() == 0 {
        return Ok(false);
    }
    for record in parts {
        part(tx, record, now).await?;
    }
    Ok(true)
}

async fn part(tx: &mut Tx<'_>, part: &PartRecord, now: Timestamp) -> Result<(), LedgerError> {
    let document = PartDocument { plan: part.plan.clone(), input: part.input.clone() };
    let since = match &part.state {
        PartState::Submitted { since, .. } => Some(since.0),
        _ => None,
    };
    let name = part.state.name();
    sqlx::query(sql::RESTORE_PART)
        .bind(part.key.to_string())
        .bind(&part.key.job.0)
        .bind(i64::from(part.key.part))
        .bind(i64::from(part.key.attempt))
        .bind(to_json(&document)?)
        .bind(name)
        .bind(to_json(&part.state)?)
        .bind(part.state.batch_id().map(|id| id.0.as_str()))
        .bind(since)
        .bind(i64::from(part.failures))
        .bind(part.problem.as_ref().map(to_json).transpose()?)
        .bind(now.0)
        .bind(i64::from(part.state.is_at_rest()))
        .bind(i64::from(PartState::IN_FLIGHT.contains(&name)))
        .bind(books::tokens(&part.plan))
        .bind(part.deployment.as_ref().map(|deployment| deployment.0.as_str()))
        .bind(i64::from(part.state.holds_quota()))
        .bind(part.state.waits_since().map(|since| since.0))
        .bind(part.spending.map(|spending| i64::try_from(spending.cost).unwrap_or(i64::MAX)))
        .bind(part.spending.map(|spending| spending.at.0))
        .execute(&mut **tx)
        .await
        .map_err(db("restore"))?;
    Ok(())
}
