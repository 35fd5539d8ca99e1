//! Bundles: many parts that become the members of one job, and are woken by it.

use batch_orchestrator::{
    ledger::{Gathering, LeaseRef, LedgerError, RecordKey},
    model::{JobRecord, PartKey, PartState, Timestamp},
};
use sqlx::AssertSqlSafe;

use super::{
    super::backend::{SKIP_LOCKED, Tx},
    commit::insert_event,
    rows::to_json,
};
use crate::{error::db, sql};

/// Parts are woken by so many at once.
const WOKEN: usize = 200;

/// `false` if one of the parts is not what was read any more; then the transaction has to be given up.
pub(super) async fn gather(
    tx: &mut Tx<'_>,
    gathering: &Gathering,
    now: Timestamp,
) -> Result<bool, LedgerError> {
    let failed = db("gather");
    let Gathering { bundle, members, due_at } = gathering;
    if !insert(tx, bundle, now).await? {
        return Ok(false);
    }
    let state = PartState::Merged { bundle: bundle.key.clone() };
    let doc = to_json(&state)?;
    // In the order that all writers keep, so that no two wait for each other.
    let mut members: Vec<(String, &(PartKey, i64))> =
        members.iter().map(|member| (member.0.to_string(), member)).collect();
    members.sort();
    for (key, (part, version)) in &members {
        let fence: Option<i64> = sqlx::query_scalar(sql::MERGE_PART)
            .bind(key)
            .bind(version)
            .bind(state.name())
            .bind(&doc)
            .bind(due_at.0)
            .bind(now.0)
            .fetch_optional(&mut **tx)
            .await
            .map_err(&failed)?;
        let Some(fence) = fence else { return Ok(false) };
        let reference = LeaseRef { key: RecordKey::Part(part.clone()), fence, version: version + 1 };
        insert_event(tx, key, &reference, state.name(), now, &doc).await?;
    }
    Ok(true)
}

async fn insert(tx: &mut Tx<'_>, bundle: &JobRecord, now: Timestamp) -> Result<bool, LedgerError> {
    let inserted = sqlx::query(sql::INSERT_JOB)
        .bind(&bundle.key.0)
        .bind(to_json(&bundle.input)?)
        .bind(bundle.state.name())
        .bind(to_json(&bundle.state)?)
        .bind(now.0)
        .execute(&mut **tx)
        .await
        .map_err(db("gather"))?;
    Ok(inserted.rows_affected() > 0)
}

/// Makes parts due that nobody holds; whoever is held looks by itself.
pub(super) async fn wake(tx: &mut Tx<'_>, parts: &[PartKey], now: Timestamp) -> Result<(), LedgerError> {
    let mut keys: Vec<String> = parts.iter().map(ToString::to_string).collect();
    keys.sort();
    for some in keys.chunks(WOKEN) {
        let text = AssertSqlSafe(sql::wake(some.len(), SKIP_LOCKED));
        let query = some.iter().fold(sqlx::query(text).bind(now.0), |query, key| query.bind(key.clone()));
        query.execute(&mut **tx).await.map_err(db("commit"))?;
    }
    Ok(())
}
