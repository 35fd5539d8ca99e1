//! Claiming: the one query in which SQLite and PostgreSQL will differ.

use batch_orchestrator::{
    ledger::{ClaimRequest, Claims, LedgerError},
    model::Timestamp,
};
use sqlx::{AssertSqlSafe, Sqlite, Transaction};

use crate::{error::db, rows, sql};

pub(super) async fn claim(
    tx: &mut Transaction<'_, Sqlite>,
    request: &ClaimRequest,
    now: Timestamp,
) -> Result<Claims, LedgerError> {
    let failed = db("claim");
    let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let mut leases = Vec::new();
    let window = places(tx, request, now).await?;
    if request.limit > 0 {
        let places = window.saturating_sub(in_flight(tx, now).await?);
        let rows = sqlx::query(AssertSqlSafe(sql::claim_parts()))
            .bind(&request.worker.0)
            .bind(now.0)
            .bind(now.after(request.ttl).0)
            .bind(number(request.limit))
            .bind(number(places))
            .fetch_all(&mut **tx)
            .await
            .map_err(&failed)?;
        for row in &rows {
            leases.push(rows::part_lease(row)?);
        }
        let rows = sqlx::query(AssertSqlSafe(sql::claim_jobs()))
            .bind(&request.worker.0)
            .bind(now.0)
            .bind(now.after(request.ttl).0)
            .bind(number(request.limit - leases.len()))
            .fetch_all(&mut **tx)
            .await
            .map_err(&failed)?;
        for row in &rows {
            leases.push(rows::job_lease(row)?);
        }
    }
    let full = in_flight(tx, now).await? >= window;
    let next_due: Option<i64> = sqlx::query_scalar(sql::NEXT_DUE)
        .bind(now.0)
        .bind(i64::from(full))
        .fetch_one(&mut **tx)
        .await
        .map_err(&failed)?;
    let unfinished: i64 = sqlx::query_scalar(sql::UNFINISHED).fetch_one(&mut **tx).await.map_err(&failed)?;
    Ok(Claims {
        leases,
        next_due: next_due.map(Timestamp).filter(|due| *due != Timestamp::NEVER),
        unfinished: u64::try_from(unfinished).unwrap_or(0),
    })
}

async fn in_flight(tx: &mut Transaction<'_, Sqlite>, now: Timestamp) -> Result<usize, LedgerError> {
    let count: i64 = sqlx::query_scalar(sql::COUNT_IN_FLIGHT)
        .bind(now.0)
        .fetch_one(&mut **tx)
        .await
        .map_err(db("claim"))?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// Takes note of a worker's places; answers how many there are of all workers together.
async fn places(
    tx: &mut Transaction<'_, Sqlite>,
    request: &ClaimRequest,
    now: Timestamp,
) -> Result<usize, LedgerError> {
    let failed = db("claim");
    if request.window > 0 {
        sqlx::query(sql::REGISTER_WORKER)
            .bind(&request.worker.0)
            .bind(i64::try_from(request.window).unwrap_or(i64::MAX))
            .bind(now.after(request.ttl).0)
            .bind(now.after(request.ttl.mul_f64(2.0 / 3.0)).0)
            .execute(&mut **tx)
            .await
            .map_err(&failed)?;
    } else {
        sqlx::query(sql::REMOVE_WORKER)
            .bind(&request.worker.0)
            .bind(now.0)
            .execute(&mut **tx)
            .await
            .map_err(&failed)?;
    }
    let places: i64 =
        sqlx::query_scalar(sql::COUNT_PLACES).bind(now.0).fetch_one(&mut **tx).await.map_err(&failed)?;
    Ok(usize::try_from(places).unwrap_or(0))
}
