//! Claiming: who works on what.

use batch_orchestrator::{
    ledger::{ClaimRequest, Claims, Lease, LedgerError},
    model::Timestamp,
};
use sqlx::AssertSqlSafe;

use super::{
    super::backend::{SKIP_LOCKED, Tx, lock_window},
    rows,
};
use crate::{error::db, sql};

/// Claims what is due: parts that are on their way, then parts that wait for a place, then jobs.
pub(super) async fn claim(
    tx: &mut Tx<'_>,
    request: &ClaimRequest,
    now: Timestamp,
) -> Result<Claims, LedgerError> {
    let failed = db("claim");
    let window = places(tx, request, now).await?;
    let mut leases = Vec::new();
    if request.limit > 0 {
        leases = parts(tx, &sql::claim_parts(SKIP_LOCKED), request, request.limit, now).await?;
        let rest = request.limit - leases.len();
        leases.extend(ready(tx, request, window, rest, now).await?);
        let rest = request.limit - leases.len();
        leases.extend(jobs(tx, request, rest, now).await?);
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

/// Admits parts into the window. Claimers take turns at that, but only if there is something to admit.
async fn ready(
    tx: &mut Tx<'_>,
    request: &ClaimRequest,
    window: usize,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<Lease>, LedgerError> {
    let due: Option<i32> = sqlx::query_scalar(sql::READY_IS_DUE)
        .bind(now.0)
        .fetch_optional(&mut **tx)
        .await
        .map_err(db("claim"))?;
    if due.is_none() || limit == 0 || window == 0 {
        return Ok(Vec::new());
    }
    lock_window(tx).await?;
    let free = window.saturating_sub(in_flight(tx, now).await?);
    parts(tx, &sql::claim_ready(SKIP_LOCKED), request, limit.min(free), now).await
}

async fn parts(
    tx: &mut Tx<'_>,
    text: &str,
    request: &ClaimRequest,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<Lease>, LedgerError> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let rows = sqlx::query(AssertSqlSafe(text.to_owned()))
        .bind(&request.worker.0)
        .bind(now.0)
        .bind(now.after(request.ttl).0)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&mut **tx)
        .await
        .map_err(db("claim"))?;
    rows.iter().map(rows::part_lease).collect()
}

async fn jobs(
    tx: &mut Tx<'_>,
    request: &ClaimRequest,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<Lease>, LedgerError> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let rows = sqlx::query(AssertSqlSafe(sql::claim_jobs(SKIP_LOCKED)))
        .bind(&request.worker.0)
        .bind(now.0)
        .bind(now.after(request.ttl).0)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&mut **tx)
        .await
        .map_err(db("claim"))?;
    rows.iter().map(rows::job_lease).collect()
}

async fn in_flight(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize, LedgerError> {
    let count: i64 = sqlx::query_scalar(sql::COUNT_IN_FLIGHT)
        .bind(now.0)
        .fetch_one(&mut **tx)
        .await
        .map_err(db("claim"))?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// Takes note of a worker's places; answers how many there are of all workers together.
async fn places(tx: &mut Tx<'_>, request: &ClaimRequest, now: Timestamp) -> Result<usize, LedgerError> {
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
