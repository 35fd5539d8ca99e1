//! The traits.

use std::{collections::HashMap, time::Duration};

use aoai_batch_client::Batch;
use async_trait::async_trait;
use batch_orchestrator::{
    ledger::{
        ClaimRequest, Claims, Commit, Gathering, InFlight, JobQuery, JobView, Lease, LeaseRef, Ledger,
        LedgerError, LedgerErrorKind, PollRequest, PollTurn, RecordKey, WorkerId,
    },
    model::{InputSnapshot, JobKey, JobState, PartRecord, Timestamp},
    quota::QuotaView,
};
use sqlx::{AssertSqlSafe, Row};

use super::{
    super::backend::{Store, Tx},
    books, claims,
    commit::{commit_job, commit_part},
    gather,
    rows::{self, to_json},
};
use crate::{
    error::db,
    sql::{self, Jobs},
};

/// Parts are asked for by so many jobs at once.
const JOBS: usize = 200;

#[async_trait]
impl Ledger for Store {
    fn id(&self) -> &str {
        &self.id
    }

    async fn now(&self) -> Result<Timestamp, LedgerError> {
        self.clock("ask for the time").await
    }

    async fn discover(
        &self,
        account: &str,
        seen: &[InputSnapshot],
        listed_at: Timestamp,
    ) -> Result<Vec<JobKey>, LedgerError> {
        let failed = db("discover");
        let state = to_json(&JobState::Seen)?;
        let mut tx = self.begin("discover").await?;
        let now = self.time(&mut tx).await?;
        let mut new = Vec::new();
        // In the same order by whoever lists, so that no two wait for each other.
        let mut seen: Vec<_> = seen.iter().collect();
        seen.sort_by_cached_key(|input| JobKey::derive(account, input, 0));
        for input in seen {
            let Some(key) = free_key(&mut tx, account, input, listed_at).await? else { continue };
            let inserted = sqlx::query(sql::INSERT_JOB)
                .bind(&key.0)
                .bind(to_json(input)?)
                .bind(JobState::Seen.name())
                .bind(&state)
                .bind(now.0)
                .execute(&mut *tx)
                .await
                .map_err(&failed)?;
            // Another worker may list the same files.
            if inserted.rows_affected() > 0 {
                new.push(key);
            }
        }
        self.commit_tx(tx, "discover").await?;
        Ok(new)
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Claims, LedgerError> {
        let mut tx = self.begin("claim").await?;
        let now = self.time(&mut tx).await?;
        let claims = claims::claim(&mut tx, request, now).await?;
        self.commit_tx(tx, "claim").await?;
        Ok(claims)
    }

    async fn places(&self, worker: &WorkerId, window: usize, ttl: Duration) -> Result<i64, LedgerError> {
        let mut tx = self.begin("count the places").await?;
        let now = self.time(&mut tx).await?;
        let free = claims::free(&mut tx, worker, window, ttl, now).await?;
        self.commit_tx(tx, "count the places").await?;
        Ok(free)
    }

    async fn heartbeat(&self, held: &[LeaseRef], ttl: Duration) -> Result<Vec<LeaseRef>, LedgerError> {
        let failed = db("heartbeat");
        if held.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.begin("heartbeat").await?;
        let until = self.time(&mut tx).await?.after(ttl);
        let mut ours = Vec::new();
        // In the order that all writers keep, so that no two wait for each other.
        let mut held: Vec<_> = held.iter().collect();
        held.sort_by(|a, b| a.key.cmp(&b.key));
        for lease in held {
            let (text, key) = match &lease.key {
                RecordKey::Job(key) => (sql::HEARTBEAT_JOB, key.to_string()),
                RecordKey::Part(key) => (sql::HEARTBEAT_PART, key.to_string()),
            };
            let done = sqlx::query(text)
                .bind(key)
                .bind(lease.fence)
                .bind(until.0)
                .execute(&mut *tx)
                .await
                .map_err(&failed)?;
            if done.rows_affected() > 0 {
                ours.push(lease.clone());
            }
        }
        self.commit_tx(tx, "heartbeat").await?;
        Ok(ours)
    }

    async fn commit(&self, lease: &LeaseRef, commit: Commit) -> Result<Option<Lease>, LedgerError> {
        let mut tx = self.begin("commit").await?;
        let now = self.time(&mut tx).await?;
        let next = match (&lease.key, &commit) {
            (RecordKey::Job(key), Commit::Job(commit)) => {
                commit_job(&mut tx, lease, key, commit, now).await?
            }
            (RecordKey::Part(key), Commit::Part(commit)) => {
                commit_part(&mut tx, lease, key, commit, now).await?
            }
            _ => None,
        };
        let Some(next) = next else {
            give_up(tx).await;
            return Err(LedgerError::new(
                LedgerErrorKind::Fenced,
                "commit",
                "somebody else holds the record",
            ));
        };
        self.commit_tx(tx, "commit").await?;
        Ok(next)
    }

    async fn observe(&self, batches: &[Batch]) -> Result<u64, LedgerError> {
        if batches.is_empty() {
            return Ok(0);
        }
        let failed = db("observe");
        let mut tx = self.begin("observe").await?;
        let now = self.time(&mut tx).await?;
        let mut changed = 0;
        let known: HashMap<&str, &Batch> = batches.iter().map(|batch| (batch.id.0.as_str(), batch)).collect();
        for row in &sqlx::query(sql::RUNNING_BATCHES).fetch_all(&mut *tx).await.map_err(&failed)? {
            let id: &str = row.try_get("batch_id").map_err(&failed)?;
            let Some(batch) = known.get(id) else { continue };
            let seen = to_json(batch)?;
            if row.try_get::<Option<&str>, _>("remote").map_err(&failed)? == Some(seen.as_str()) {
                continue;
            }
            let done = sqlx::query(sql::OBSERVE)
                .bind(row.try_get::<&str, _>("part_key").map_err(&failed)?)
                .bind(&seen)
                .bind(i64::from(batch.status.is_terminal()))
                .bind(now.0)
                .bind(id)
                .execute(&mut *tx)
                .await
                .map_err(&failed)?;
            changed += done.rows_affected();
        }
        self.commit_tx(tx, "observe").await?;
        Ok(changed)
    }

    async fn poll_turn(&self, request: &PollRequest) -> Result<PollTurn, LedgerError> {
        let failed = db("take the turn to poll");
        let mut tx = self.begin("take the turn to poll").await?;
        let now = self.time(&mut tx).await?;
        let taken = sqlx::query(sql::TAKE_TURN)
            .bind(&request.endpoint)
            .bind(&request.worker.0)
            .bind(now.after(request.hold).0)
            .bind(now.0)
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
        let turn = if taken.rows_affected() > 0 {
            let (batches, oldest): (i64, Option<i64>) =
                sqlx::query_as(sql::IN_FLIGHT_BATCHES).fetch_one(&mut *tx).await.map_err(&failed)?;
            let batches = u64::try_from(batches).unwrap_or(0);
            PollTurn::Granted(InFlight { batches, oldest: oldest.map(Timestamp) })
        } else {
            let until: i64 = sqlx::query_scalar(sql::READ_TURN)
                .bind(&request.endpoint)
                .fetch_one(&mut *tx)
                .await
                .map_err(&failed)?;
            PollTurn::Until(Timestamp(until))
        };
        self.commit_tx(tx, "take the turn to poll").await?;
        Ok(turn)
    }

    async fn reserve(&self, name: &str, job: &JobKey) -> Result<bool, LedgerError> {
        let failed = db("reserve a name");
        let mut tx = self.begin("reserve a name").await?;
        let owner: String = sqlx::query_scalar(sql::RESERVE)
            .bind(name)
            .bind(&job.0)
            .fetch_one(&mut *tx)
            .await
            .map_err(&failed)?;
        self.commit_tx(tx, "reserve a name").await?;
        Ok(owner == job.0)
    }

    async fn gather(&self, gathering: &Gathering) -> Result<bool, LedgerError> {
        let mut tx = self.begin("gather").await?;
        let now = self.time(&mut tx).await?;
        if !gather::gather(&mut tx, gathering, now).await? {
            give_up(tx).await;
            return Ok(false);
        }
        self.commit_tx(tx, "gather").await?;
        Ok(true)
    }

    async fn quotas(&self) -> Result<Vec<QuotaView>, LedgerError> {
        let mut reader = self.reader().await?;
        let rows = sqlx::query(sql::QUOTAS).fetch_all(&mut *reader).await.map_err(db("read the books"))?;
        reader.commit().await.map_err(db("read the books"))?;
        rows.iter().map(books::view).collect()
    }

    async fn view(&self, query: &JobQuery) -> Result<Vec<JobView>, LedgerError> {
        let failed = db("read");
        // Keys are hexadecimal: anything else matches nothing, and `g` follows all of them.
        let prefix = query.key.as_deref().unwrap_or_default().to_ascii_lowercase();
        if !prefix.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(Vec::new());
        }
        let jobs = match (&query.input, query.key.is_some(), query.unfinished) {
            _ if query.quarantined => Jobs::Quarantined,
            (Some(_), ..) => Jobs::OfInput,
            (None, true, true) => Jobs::UnfinishedInRange,
            (None, true, false) => Jobs::Range,
            (None, false, true) => Jobs::Unfinished,
            (None, false, false) => Jobs::All,
        };
        let text =
            sqlx::query(AssertSqlSafe(sql::view_jobs(jobs))).bind(query.limit.map_or(i64::MAX, i64::from));
        let text = match &query.input {
            _ if query.quarantined => text,
            Some(input) => {
                let written = rows::input_begins(input)?;
                text.bind(i64::try_from(written.chars().count()).unwrap_or(i64::MAX)).bind(written)
            }
            None if query.key.is_some() => text.bind(prefix.clone()).bind(prefix + "g"),
            None => text,
        };
        let mut reader = self.reader().await?;
        let found = text.fetch_all(&mut *reader).await.map_err(&failed)?;
        let jobs = found.iter().map(rows::job).collect::<Result<Vec<_>, _>>()?;
        let mut parts: HashMap<JobKey, Vec<PartRecord>> = HashMap::new();
        for some in jobs.chunks(JOBS) {
            let text = AssertSqlSafe(sql::view_parts(some.len()));
            let text = some.iter().fold(sqlx::query(text), |text, job| text.bind(&job.key.0));
            for row in &text.fetch_all(&mut *reader).await.map_err(&failed)? {
                let part = rows::part(row)?;
                parts.entry(part.key.job.clone()).or_default().push(part);
            }
        }
        let view = |job: batch_orchestrator::model::JobRecord| JobView {
            parts: parts.remove(&job.key).unwrap_or_default(),
            job,
        };
        let wanted =
            |view: &JobView| query.input.is_none() || !query.unfinished || !view.job.state.is_at_rest();
        let views = jobs.into_iter().map(view).filter(wanted).collect();
        // Else it would be open until somebody has time to roll it back.
        reader.commit().await.map_err(&failed)?;
        Ok(views)
    }
}

/// Rolls back now. A transaction that is only dropped keeps its locks until its connection is used again, and claims pass over
/// what is locked.
pub(super) async fn give_up(tx: Tx<'_>) {
    // If this fails, the connection is gone, and the server rolls back by itself.
    let _ = tx.rollback().await;
}

/// The key for a new job on this input version; `None` if a job has it already.
async fn free_key(
    tx: &mut Tx<'_>,
    account: &str,
    input: &InputSnapshot,
    listed_at: Timestamp,
) -> Result<Option<JobKey>, LedgerError> {
    for incarnation in 0.. {
        let key = JobKey::derive(account, input, incarnation);
        let row = sqlx::query(sql::JOB_STATE)
            .bind(&key.0)
            .fetch_optional(&mut **tx)
            .await
            .map_err(db("discover"))?;
        let Some(row) = row else {
            let forgotten: i64 = sqlx::query_scalar(sql::IS_FORGOTTEN)
                .bind(&key.0)
                .fetch_one(&mut **tx)
                .await
                .map_err(db("discover"))?;
            if forgotten > 0 {
                continue;
            }
            return Ok(Some(key));
        };
        let state: String = row.try_get("state").map_err(db("discover"))?;
        let updated_at: i64 = row.try_get("updated_at").map_err(db("discover"))?;
        // Finished, and listed again since: somebody put it back.
        if !(matches!(state.as_str(), "done" | "dropped") && updated_at < listed_at.0) {
            return Ok(None);
        }
    }
    Ok(None)
}
