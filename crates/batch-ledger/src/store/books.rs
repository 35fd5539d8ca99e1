//! The books of a deployment, within the transaction of a part's commit.

use batch_orchestrator::{
    ledger::{LedgerError, PartCommit},
    model::{DeploymentId, PartKey, PartPlan, PartState, Timestamp},
    quota::{Load, QuotaChange, QuotaRecord, QuotaView},
};
use sqlx::{AssertSqlSafe, Database, Row as _};

use super::{
    super::backend::{Db, LOCK, SKIP_LOCKED, Tx},
    rows::{from_json, to_json},
};
use crate::{error::db, sql};

/// A part as the books have it.
pub(super) struct Own {
    deployment: Option<DeploymentId>,
    tokens: u64,
    holds_quota: bool,
    waits_since: Option<Timestamp>,
}

/// Looks up a part; `None` if there is no such part.
pub(super) async fn own(tx: &mut Tx<'_>, key: &PartKey) -> Result<Option<Own>, LedgerError> {
    let failed = db("commit");
    let row = sqlx::query(sql::PART_BOOKS).bind(key.to_string()).fetch_optional(&mut **tx).await;
    let Some(row) = row.map_err(&failed)? else { return Ok(None) };
    let deployment: Option<String> = row.try_get("deployment").map_err(&failed)?;
    Ok(Some(Own {
        deployment: deployment.map(DeploymentId),
        tokens: count(&row, "tokens")?,
        holds_quota: row.try_get::<i64, _>("holds_quota").map_err(&failed)? == 1,
        waits_since: row.try_get::<Option<i64>, _>("waits_since").map_err(&failed)?.map(Timestamp),
    }))
}

/// Keeps the books, and makes an intent for which there is no room wait.
pub(super) async fn keep(
    tx: &mut Tx<'_>,
    key: &PartKey,
    own: &Own,
    commit: PartCommit,
    now: Timestamp,
) -> Result<PartCommit, LedgerError> {
    let deployment = commit.account.deployment.as_ref().or(own.deployment.as_ref());
    let (Some(deployment), Some(change)) = (deployment.cloned(), &commit.account.change) else {
        return Ok(commit);
    };
    let failed = db("commit");
    if matches!(change, QuotaChange::Intent(intent) if !intent.budgets.is_empty()) {
        // Deployments have books of their own, but all of them spend from one purse.
        open(tx, sql::PURSE).await?;
    }
    let doc = open(tx, &deployment.0).await?;
    let mut record: QuotaRecord = from_json("the books of a deployment", &doc)?;
    let mut load = Load { tokens: own.tokens, ..Load::default() };
    load.reserved = reserved(tx, &deployment, &key.to_string()).await?;
    if let QuotaChange::Intent(intent) = change {
        let ahead: i64 = sqlx::query_scalar(sql::AHEAD)
            .bind(&deployment.0)
            .bind(key.to_string())
            .bind(intent.longest_overtaken(own.waits_since, now).0)
            .fetch_one(&mut **tx)
            .await
            .map_err(&failed)?;
        load.ahead = u64::try_from(ahead).unwrap_or(0);
        for budget in &intent.budgets {
            let spent: i64 = sqlx::query_scalar(sql::SPENT)
                .bind(key.to_string())
                .bind(budget.since.0)
                .fetch_one(&mut **tx)
                .await
                .map_err(&failed)?;
            load.spent.push(u64::try_from(spent).unwrap_or(0));
        }
    }
    let commit = commit.booked(&mut record, &load, now);
    sqlx::query(sql::WRITE_BOOKS)
        .bind(&deployment.0)
        .bind(to_json(&record)?)
        .execute(&mut **tx)
        .await
        .map_err(&failed)?;
    Ok(commit)
}

/// Reads books, and keeps everybody else from doing so until the transaction ends.
async fn open(tx: &mut Tx<'_>, name: &str) -> Result<String, LedgerError> {
    make(tx, name).await?;
    sqlx::query_scalar(AssertSqlSafe(sql::lock_books(LOCK)))
        .bind(name)
        .fetch_one(&mut **tx)
        .await
        .map_err(db("commit"))
}

/// Makes sure that there are books of this name.
pub(super) async fn make(tx: &mut Tx<'_>, name: &str) -> Result<(), LedgerError> {
    sqlx::query(sql::OPEN_BOOKS).bind(name).execute(&mut **tx).await.map_err(db("commit"))?;
    Ok(())
}

/// Wakes those that wait for the room that this part has given back.
pub(super) async fn released(
    tx: &mut Tx<'_>,
    own: &Own,
    state: &PartState,
    now: Timestamp,
) -> Result<(), LedgerError> {
    let Some(deployment) = own.deployment.as_ref().filter(|_| state.frees_quota(own.holds_quota)) else {
        return Ok(());
    };
    let failed = db("commit");
    let rows = sqlx::query(sql::WAITING).bind(&deployment.0).fetch_all(&mut **tx).await.map_err(&failed)?;
    if rows.is_empty() {
        return Ok(());
    }
    let doc: Option<String> = sqlx::query_scalar(sql::READ_BOOKS)
        .bind(&deployment.0)
        .fetch_optional(&mut **tx)
        .await
        .map_err(&failed)?;
    let record: QuotaRecord = match doc {
        Some(doc) => from_json("the books of a deployment", &doc)?,
        None => QuotaRecord::default(),
    };
    let reserved = reserved(tx, deployment, "").await?;
    let mut waiting = Vec::with_capacity(rows.len());
    for row in &rows {
        let since = Timestamp(row.try_get("waits_since").map_err(&failed)?);
        waiting.push((since, count(row, "tokens")?));
    }
    let woken = record.woken(&waiting, reserved, now);
    if woken.is_empty() {
        return Ok(());
    }
    let text = AssertSqlSafe(sql::wake(woken.len(), SKIP_LOCKED));
    let mut query = sqlx::query(text).bind(now.0);
    for place in woken {
        query = query.bind(rows[place].try_get::<String, _>("part_key").map_err(&failed)?);
    }
    query.execute(&mut **tx).await.map_err(&failed)?;
    Ok(())
}

/// Tokens of batches that may run, but for one part's.
async fn reserved(tx: &mut Tx<'_>, deployment: &DeploymentId, but: &str) -> Result<u64, LedgerError> {
    let reserved: i64 = sqlx::query_scalar(sql::RESERVED)
        .bind(&deployment.0)
        .bind(but)
        .fetch_one(&mut **tx)
        .await
        .map_err(db("commit"))?;
    Ok(u64::try_from(reserved).unwrap_or(0))
}

/// Tokens as a column has them: a sum of many still fits.
pub(super) fn tokens(plan: &PartPlan) -> i64 {
    const MOST: i64 = 1 << 50;
    i64::try_from(plan.quota_tokens()).unwrap_or(MOST).min(MOST)
}

/// A row of the books.
pub(super) fn view(row: &<Db as Database>::Row) -> Result<QuotaView, LedgerError> {
    let failed = db("read the books");
    Ok(QuotaView {
        deployment: DeploymentId(row.try_get("deployment").map_err(&failed)?),
        record: from_json("the books of a deployment", row.try_get("doc").map_err(&failed)?)?,
        reserved: count(row, "reserved")?,
        coming: count(row, "coming")?,
        waiting: count(row, "waiting")?,
    })
}

fn count(row: &<Db as Database>::Row, name: &str) -> Result<u64, LedgerError> {
    Ok(u64::try_from(row.try_get::<i64, _>(name).map_err(db("read the books"))?).unwrap_or(0))
}
