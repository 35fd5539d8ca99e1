//! Claiming: who works on what.

use std::time::Duration;

use batch_orchestrator::{
    ledger::{ClaimRequest, Claims, Lease, LedgerError, WorkerId},
    model::Timestamp,
};
use sqlx::{AssertSqlSafe, Database, Row};

use super::{
    super::backend::{Db, SKIP_LOCKED, Tx, lock_window},
    rows,
};
use crate::{error::db, sql};

/// The window, at one moment.
struct Places {
    all: i64,
    taken: i64,
    /// Whether a part waits for one.
    waiting: bool,
}

/// Claims what is due: parts that are on their way, then parts that wait for a place, then jobs.
pub(super) async fn claim(
    tx: &mut Tx<'_>,
    request: &ClaimRequest,
    now: Timestamp,
) -> Result<Claims, LedgerError> {
    let failed = db("claim");
    register(tx, &request.worker, request.window, request.ttl, now).await?;
    let parts =
        claimed(tx, sql::claim_parts(request.marked, SKIP_LOCKED), request, request.limit, now).await?;
    let mut leases = parts.iter().map(rows::part_lease).collect::<Result<Vec<_>, _>>()?;
    let mut places = places(tx, now).await?;
    let rest = request.limit - leases.len();
    let ready = ready(tx, request, &mut places, rest, now).await?;
    let full = !request.admit || places.taken >= places.all;
    leases.extend(ready);
    let rest = request.limit - leases.len();
    for job in &claimed(tx, sql::claim_jobs(request.marked, SKIP_LOCKED), request, rest, now).await? {
        leases.push(rows::job_lease(job)?);
    }
    let ahead = sqlx::query(AssertSqlSafe(sql::look_ahead(request.marked)))
        .bind(now.0)
        .bind(i64::from(full))
        .fetch_one(&mut **tx)
        .await
        .map_err(&failed)?;
    let next_due: Option<i64> = ahead.try_get("next_due").map_err(&failed)?;
    let unfinished: i64 = ahead.try_get("unfinished").map_err(&failed)?;
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
    places: &mut Places,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<Lease>, LedgerError> {
    if limit == 0 || !request.admit || !places.waiting || places.taken >= places.all {
        return Ok(Vec::new());
    }
    if lock_window(tx).await? {
        // Whoever had the lock before may have taken them.
        *places = self::places(tx, now).await?;
    }
    let free = usize::try_from(places.all - places.taken).unwrap_or(0);
    let parts = claimed(tx, sql::claim_ready(SKIP_LOCKED), request, limit.min(free), now).await?;
    places.taken += i64::try_from(parts.len()).unwrap_or(i64::MAX);
    parts.iter().map(rows::part_lease).collect()
}

/// Takes note of a worker's places; answers how many of all are free. Nobody admits a part meanwhile: what is answered holds.
pub(super) async fn free(
    tx: &mut Tx<'_>,
    worker: &WorkerId,
    window: usize,
    ttl: Duration,
    now: Timestamp,
) -> Result<i64, LedgerError> {
    // In the order of a claim.
    register(tx, worker, window, ttl, now).await?;
    lock_window(tx).await?;
    let places = places(tx, now).await?;
    Ok(places.all - places.taken)
}

/// The rows that a claim takes.
async fn claimed(
    tx: &mut Tx<'_>,
    text: String,
    request: &ClaimRequest,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<<Db as Database>::Row>, LedgerError> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    sqlx::query(AssertSqlSafe(text))
        .bind(&request.worker.0)
        .bind(now.0)
        .bind(now.after(request.ttl).0)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&mut **tx)
        .await
        .map_err(db("claim"))
}

async fn places(tx: &mut Tx<'_>, now: Timestamp) -> Result<Places, LedgerError> {
    let failed = db("claim");
    let row = sqlx::query(sql::COUNT_PLACES).bind(now.0).fetch_one(&mut **tx).await.map_err(&failed)?;
    let count = |name| row.try_get::<i64, _>(name).map_err(&failed);
    Ok(Places { all: count("places")?, taken: count("taken")?, waiting: count("waiting")? > 0 })
}

/// Takes note of the places that a worker brings, or that it leaves.
async fn register(
    tx: &mut Tx<'_>,
    worker: &WorkerId,
    window: usize,
    ttl: Duration,
    now: Timestamp,
) -> Result<(), LedgerError> {
    let text = if window > 0 {
        sqlx::query(sql::REGISTER_WORKER)
            .bind(&worker.0)
            .bind(i64::try_from(window).unwrap_or(i64::MAX))
            .bind(now.after(ttl).0)
            .bind(now.after(ttl.mul_f64(2.0 / 3.0)).0)
    } else {
        sqlx::query(sql::REMOVE_WORKER).bind(&worker.0).bind(now.0)
    };
    text.execute(&mut **tx).await.map_err(db("claim"))?;
    Ok(())
}
