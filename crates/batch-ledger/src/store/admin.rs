//! What is done to the ledger from outside the pipeline's steps.

use async_trait::async_trait;
use batch_orchestrator::{
    ledger::{Commit, JobView, LeaseRef, LedgerAdmin, LedgerError, LedgerErrorKind, RecordKey},
    model::{JobKey, JobState, Timestamp},
};
use sqlx::AssertSqlSafe;

use super::{
    super::backend::{LOCK, SKIP_LOCKED, Store, lock_job},
    commit::{commit_job, commit_part},
    ledger::give_up,
    restore,
    rows::to_json,
};
use crate::{error::db, sql};

#[async_trait]
impl LedgerAdmin for Store {
    async fn retry_failed(&self) -> Result<(), LedgerError> {
        let mut tx = self.begin("retry").await?;
        let now = self.time(&mut tx).await?;
        sqlx::query(AssertSqlSafe(sql::retry_foreign(LOCK)))
            .bind(now.0)
            .bind(to_json(&JobState::Seen)?)
            .execute(&mut *tx)
            .await
            .map_err(db("retry"))?;
        for text in [sql::retry_jobs(LOCK), sql::retry_parts(LOCK)] {
            sqlx::query(AssertSqlSafe(text)).bind(now.0).execute(&mut *tx).await.map_err(db("retry"))?;
        }
        self.commit_tx(tx, "retry").await
    }

    async fn cancel(&self, job: &JobKey) -> Result<bool, LedgerError> {
        let failed = db("cancel");
        let mut tx = self.begin("cancel").await?;
        let now = self.time(&mut tx).await?;
        lock_job(&mut tx, job).await?;
        let marked = sqlx::query(sql::CANCEL_JOB)
            .bind(&job.0)
            .bind(now.0)
            .execute(&mut *tx)
            .await
            .map_err(&failed)?
            .rows_affected();
        sqlx::query(AssertSqlSafe(sql::cancel_parts(LOCK)))
            .bind(&job.0)
            .bind(now.0)
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
        self.commit_tx(tx, "cancel").await?;
        Ok(marked > 0)
    }

    async fn prune(&self, before: Timestamp, most: u32) -> Result<u64, LedgerError> {
        let failed = db("prune");
        let mut tx = self.begin("prune").await?;
        let keys: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql::prunable(SKIP_LOCKED)))
            .bind(before.0)
            .bind(i64::from(most))
            .fetch_all(&mut *tx)
            .await
            .map_err(&failed)?;
        for key in &keys {
            for text in sql::PRUNE {
                sqlx::query(text).bind(key).execute(&mut *tx).await.map_err(&failed)?;
            }
        }
        self.commit_tx(tx, "prune").await?;
        Ok(keys.len() as u64)
    }

    async fn restore(&self, jobs: &[JobView]) -> Result<u64, LedgerError> {
        let mut tx = self.begin("restore").await?;
        let now = self.time(&mut tx).await?;
        let mut new = 0;
        let mut jobs: Vec<_> = jobs.iter().collect();
        jobs.sort_by(|a, b| a.job.key.cmp(&b.job.key));
        for view in jobs {
            new += u64::from(restore::job(&mut tx, view, now).await?);
        }
        self.commit_tx(tx, "restore").await?;
        Ok(new)
    }

    async fn resolve(&self, key: &RecordKey, version: i64, commit: Commit) -> Result<(), LedgerError> {
        let failed = db("resolve");
        let refused =
            || LedgerError::new(LedgerErrorKind::Fenced, "resolve", "the record is not at rest any more");
        let mut tx = self.begin("resolve").await?;
        let now = self.time(&mut tx).await?;
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
        let Some(fence) = fence else {
            give_up(tx).await;
            return Err(refused());
        };
        let lease = LeaseRef { key: key.clone(), fence, version };
        let done = match (key, &commit) {
            (RecordKey::Job(key), Commit::Job(commit)) => {
                commit_job(&mut tx, &lease, key, commit, now).await?
            }
            (RecordKey::Part(key), Commit::Part(commit)) => {
                commit_part(&mut tx, &lease, key, commit, now).await?
            }
            _ => None,
        };
        if done.is_none() {
            give_up(tx).await;
            return Err(refused());
        }
        self.commit_tx(tx, "resolve").await
    }
}
