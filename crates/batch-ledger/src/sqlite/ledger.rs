//! The trait.

use std::{
    sync::atomic::Ordering,
    time::{Duration, UNIX_EPOCH},
};

use aoai_batch_client::Batch;
use async_trait::async_trait;
use batch_orchestrator::{
    ledger::{
        ClaimRequest, Claims, Commit, InFlight, JobCommit, JobQuery, JobView, Lease, LeaseRef, Ledger,
        LedgerAdmin, LedgerError, LedgerErrorKind, PartCommit, PollRequest, PollTurn, RecordKey,
    },
    model::{InputSnapshot, JobKey, JobState, PartKey, PartRecord, PartState, Timestamp},
};
use sqlx::{AssertSqlSafe, Row, Sqlite, Transaction};

use super::{SqliteLedger, claims, restore};
use crate::{
    error::db,
    rows::{self, PartDocument, to_json},
    sql,
};

type Tx<'a> = Transaction<'a, Sqlite>;

impl SqliteLedger {
    /// The system's clock, but never backwards: a clock that jumps back must not make leases last longer.
    #[expect(clippy::disallowed_methods, reason = "this is the store's clock that everybody else asks")]
    fn clock(&self) -> Timestamp {
        let now = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        Timestamp(self.last_now.fetch_max(now, Ordering::Relaxed).max(now))
    }

    /// A transaction that takes the write lock at once: it cannot fail half-way for being late.
    async fn begin(&self, operation: &'static str) -> Result<Tx<'_>, LedgerError> {
        self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(db(operation))
    }
}

#[async_trait]
impl Ledger for SqliteLedger {
    fn id(&self) -> &str {
        &self.id
    }

    async fn now(&self) -> Result<Timestamp, LedgerError> {
        Ok(self.clock())
    }

    async fn discover(
        &self,
        account: &str,
        seen: &[InputSnapshot],
        listed_at: Timestamp,
    ) -> Result<Vec<JobKey>, LedgerError> {
        let failed = db("discover");
        let now = self.clock();
        let state = to_json(&JobState::Seen)?;
        let mut tx = self.begin("discover").await?;
        let mut new = Vec::new();
        for input in seen {
            let Some(key) = free_key(&mut tx, account, input, listed_at).await? else { continue };
            sqlx::query(sql::INSERT_JOB)
                .bind(&key.0)
                .bind(to_json(input)?)
                .bind(JobState::Seen.name())
                .bind(&state)
                .bind(now.0)
                .execute(&mut *tx)
                .await
                .map_err(&failed)?;
            new.push(key);
        }
        tx.commit().await.map_err(&failed)?;
        Ok(new)
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Claims, LedgerError> {
        let mut tx = self.begin("claim").await?;
        let claims = claims::claim(&mut tx, request, self.clock()).await?;
        tx.commit().await.map_err(db("claim"))?;
        Ok(claims)
    }

    async fn heartbeat(&self, held: &[LeaseRef], ttl: Duration) -> Result<Vec<LeaseRef>, LedgerError> {
        let failed = db("heartbeat");
        let until = self.clock().after(ttl);
        let mut tx = self.begin("heartbeat").await?;
        let mut ours = Vec::new();
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
        tx.commit().await.map_err(&failed)?;
        Ok(ours)
    }

    async fn commit(&self, lease: &LeaseRef, commit: Commit) -> Result<Option<Lease>, LedgerError> {
        let now = self.clock();
        let mut tx = self.begin("commit").await?;
        let next = match (&lease.key, &commit) {
            (RecordKey::Job(key), Commit::Job(commit)) => {
                commit_job(&mut tx, lease, key, commit, now).await?
            }
            (RecordKey::Part(key), Commit::Part(commit)) => {
                commit_part(&mut tx, lease, key, commit, now).await?
            }
            _ => None,
        };
        let next = next.ok_or_else(|| {
            LedgerError::new(LedgerErrorKind::Fenced, "commit", "somebody else holds the record")
        })?;
        tx.commit().await.map_err(db("commit"))?;
        Ok(next)
    }

    async fn observe(&self, batches: &[Batch]) -> Result<u64, LedgerError> {
        if batches.is_empty() {
            return Ok(0);
        }
        let failed = db("observe");
        let now = self.clock();
        let mut tx = self.begin("observe").await?;
        let mut changed = 0;
        for batch in batches {
            let done = sqlx::query(sql::OBSERVE)
                .bind(&batch.id.0)
                .bind(to_json(batch)?)
                .bind(i64::from(batch.status.is_terminal()))
                .bind(now.0)
                .execute(&mut *tx)
                .await
                .map_err(&failed)?;
            changed += done.rows_affected();
        }
        tx.commit().await.map_err(&failed)?;
        Ok(changed)
    }

    async fn poll_turn(&self, request: &PollRequest) -> Result<PollTurn, LedgerError> {
        let failed = db("take the turn to poll");
        let now = self.clock();
        let mut tx = self.begin("take the turn to poll").await?;
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
        tx.commit().await.map_err(&failed)?;
        Ok(turn)
    }

    async fn reserve(&self, name: &str, job: &JobKey) -> Result<bool, LedgerError> {
        let failed = db("reserve a name");
        let mut tx = self.begin("reserve a name").await?;
        sqlx::query(sql::RESERVE).bind(name).bind(&job.0).execute(&mut *tx).await.map_err(&failed)?;
        let owner: String =
            sqlx::query_scalar(sql::RESERVED_BY).bind(name).fetch_one(&mut *tx).await.map_err(&failed)?;
        tx.commit().await.map_err(&failed)?;
        Ok(owner == job.0)
    }

    async fn view(&self, query: &JobQuery) -> Result<Vec<JobView>, LedgerError> {
        let failed = db("read");
        // Keys are hexadecimal: anything else matches nothing, and no wildcard gets through.
        let prefix = query.key.as_deref().unwrap_or_default();
        if !prefix.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(Vec::new());
        }
        let jobs = sqlx::query(AssertSqlSafe(sql::view_jobs()))
            .bind(format!("{prefix}%"))
            .bind(i64::from(query.unfinished))
            .bind(query.limit.map_or(i64::MAX, i64::from))
            .fetch_all(&self.pool)
            .await
            .map_err(&failed)?;
        let mut views = Vec::with_capacity(jobs.len());
        for row in &jobs {
            let job = rows::job(row)?;
            let parts = sqlx::query(AssertSqlSafe(sql::view_parts()))
                .bind(&job.key.0)
                .fetch_all(&self.pool)
                .await
                .map_err(&failed)?;
            let parts = parts.iter().map(rows::part).collect::<Result<_, _>>()?;
            views.push(JobView { job, parts });
        }
        Ok(views)
    }
}

#[async_trait]
impl LedgerAdmin for SqliteLedger {
    async fn retry_failed(&self) -> Result<(), LedgerError> {
        let now = self.clock();
        let mut tx = self.begin("retry").await?;
        sqlx::query(sql::RETRY_FOREIGN)
            .bind(now.0)
            .bind(to_json(&JobState::Seen)?)
            .execute(&mut *tx)
            .await
            .map_err(db("retry"))?;
        for text in [sql::RETRY_JOBS, sql::RETRY_PARTS] {
            sqlx::query(text).bind(now.0).execute(&mut *tx).await.map_err(db("retry"))?;
        }
        tx.commit().await.map_err(db("retry"))
    }

    async fn restore(&self, jobs: &[JobView]) -> Result<u64, LedgerError> {
        let now = self.clock();
        let mut tx = self.begin("restore").await?;
        let mut new = 0;
        for view in jobs {
            new += u64::from(restore::job(&mut tx, view, now).await?);
        }
        tx.commit().await.map_err(db("restore"))?;
        Ok(new)
    }

    async fn resolve(&self, key: &RecordKey, version: i64, commit: Commit) -> Result<(), LedgerError> {
        let failed = db("resolve");
        let now = self.clock();
        let refused =
            || LedgerError::new(LedgerErrorKind::Fenced, "resolve", "the record is not at rest any more");
        let mut tx = self.begin("resolve").await?;
        let (text, name) = match key {
            RecordKey::Job(key) => (sql::TAKE_JOB_AT_REST, key.to_string()),
            RecordKey::Part(key) => (sql::TAKE_PART_AT_REST, key.to_string()),
        };
        let fence: Option<i64> = sqlx::query_scalar(text)
            .bind(name)
            .bind(version)
            .fetch_optional(&mut *tx)
            .await
            .map_err(&failed)?;
        let lease = LeaseRef { key: key.clone(), fence: fence.ok_or_else(refused)?, version };
        let done = match (key, &commit) {
            (RecordKey::Job(key), Commit::Job(commit)) => {
                commit_job(&mut tx, &lease, key, commit, now).await?
            }
            (RecordKey::Part(key), Commit::Part(commit)) => {
                commit_part(&mut tx, &lease, key, commit, now).await?
            }
            _ => None,
        };
        done.ok_or_else(refused)?;
        tx.commit().await.map_err(&failed)
    }
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
        let Some(row) = row else { return Ok(Some(key)) };
        let state: String = row.try_get("state").map_err(db("discover"))?;
        let updated_at: i64 = row.try_get("updated_at").map_err(db("discover"))?;
        // Finished, and listed again since: somebody put it back.
        if !(matches!(state.as_str(), "done" | "dropped") && updated_at < listed_at.0) {
            return Ok(None);
        }
    }
    Ok(None)
}

async fn commit_job(
    tx: &mut Tx<'_>,
    lease: &LeaseRef,
    key: &JobKey,
    commit: &JobCommit,
    now: Timestamp,
) -> Result<Option<Option<Lease>>, LedgerError> {
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
        .fetch_optional(&mut **tx)
        .await
        .map_err(db("commit"))?;
    let Some(row) = row else { return Ok(None) };
    let next = rows::job_lease(&row)?;
    insert_event(tx, &key.0, next.reference(), commit.state.name(), now, &doc).await?;
    if commit.state.is_at_rest() {
        sqlx::query(sql::RELEASE_NAMES).bind(&key.0).execute(&mut **tx).await.map_err(db("commit"))?;
    }
    Ok(Some(commit.keep.then_some(next)))
}

async fn commit_part(
    tx: &mut Tx<'_>,
    lease: &LeaseRef,
    key: &PartKey,
    commit: &PartCommit,
    now: Timestamp,
) -> Result<Option<Option<Lease>>, LedgerError> {
    let doc = to_json(&commit.state)?;
    let name = commit.state.name();
    let at_rest = commit.state.is_at_rest();
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
        .fetch_optional(&mut **tx)
        .await
        .map_err(db("commit"))?;
    let Some(row) = row else { return Ok(None) };
    let next = rows::part_lease(&row)?;
    insert_event(tx, &key.to_string(), next.reference(), name, now, &doc).await?;
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
        .execute(&mut **tx)
        .await
        .map_err(db("commit"))?;
    Ok(())
}

async fn insert_event(
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
