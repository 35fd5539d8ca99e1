//! What is PostgreSQL's own.

use batch_orchestrator::{
    ledger::LedgerError,
    model::{JobKey, Timestamp},
};
use sqlx::{Postgres, Transaction};

pub(super) use super::connect::PgLedger as Store;
use crate::error::db;

pub(super) type Db = Postgres;
pub(super) type Tx<'a> = Transaction<'a, Db>;

/// Claimers take different rows at the same time.
pub(super) const SKIP_LOCKED: &str = "FOR UPDATE SKIP LOCKED";
/// Writers wait for each other.
pub(super) const LOCK: &str = "FOR UPDATE";

/// The server's clock, in milliseconds; not that of the transaction's begin.
const NOW: &str = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";

/// Two that admit parts at the same time would both see the same free places. Answers that they have to be counted again.
pub(super) async fn lock_window(tx: &mut Tx<'_>) -> Result<bool, LedgerError> {
    sqlx::query("SELECT id FROM ledger_meta WHERE id = 1 FOR UPDATE")
        .execute(&mut **tx)
        .await
        .map_err(db("claim"))?;
    Ok(true)
}

/// Two that end the last parts of a job at the same time would both see one that is left.
pub(super) async fn lock_job(tx: &mut Tx<'_>, job: &JobKey) -> Result<(), LedgerError> {
    sqlx::query("SELECT job_key FROM job WHERE job_key = $1 FOR UPDATE")
        .bind(&job.0)
        .execute(&mut **tx)
        .await
        .map_err(db("commit"))?;
    Ok(())
}

/// Nobody waits long for a row, and a worker that is stopped in the middle of a transaction does not stop the others. Set
/// within the transaction: a pooler passes on no other settings.
pub(super) const BEGIN: &str = "BEGIN; SET LOCAL lock_timeout = '10s'; SET LOCAL statement_timeout = '30s'; \
     SET LOCAL idle_in_transaction_session_timeout = '30s'";
/// Several reads at one moment.
const BEGIN_READING: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = '60s'; \
     SET LOCAL idle_in_transaction_session_timeout = '30s'";

impl Store {
    pub(super) async fn begin(&self, operation: &'static str) -> Result<Tx<'_>, LedgerError> {
        self.begin_with(BEGIN, operation).await
    }

    pub(super) async fn reader(&self) -> Result<Tx<'_>, LedgerError> {
        self.begin_with(BEGIN_READING, "read").await
    }

    pub(super) async fn time(&self, tx: &mut Tx<'_>) -> Result<Timestamp, LedgerError> {
        let now: i64 = sqlx::query_scalar(NOW).fetch_one(&mut **tx).await.map_err(db("ask for the time"))?;
        Ok(Timestamp(now))
    }

    pub(super) async fn clock(&self, operation: &'static str) -> Result<Timestamp, LedgerError> {
        let mut tx = self.begin_with(BEGIN_READING, operation).await?;
        let now = self.time(&mut tx).await?;
        tx.commit().await.map_err(db(operation))?;
        Ok(now)
    }

    pub(super) async fn commit_tx(&self, tx: Tx<'_>, operation: &'static str) -> Result<(), LedgerError> {
        tx.commit().await.map_err(db(operation))
    }
}
