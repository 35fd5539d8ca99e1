//! What is SQLite's own.

use batch_orchestrator::{
    ledger::LedgerError,
    model::{JobKey, Timestamp},
};
use sqlx::{Sqlite, Transaction};

pub(super) use super::open::SqliteLedger as Store;
use crate::error::db;

pub(super) type Db = Sqlite;
pub(super) type Tx<'a> = Transaction<'a, Db>;

/// A transaction has the whole file.
pub(super) const SKIP_LOCKED: &str = "";
/// A transaction has the whole file.
pub(super) const LOCK: &str = "";

/// A transaction has the whole file.
pub(super) async fn lock_window(_tx: &mut Tx<'_>) -> Result<bool, LedgerError> {
    Ok(false)
}

/// A transaction has the whole file.
pub(super) async fn lock_job(_tx: &mut Tx<'_>, _job: &JobKey) -> Result<(), LedgerError> {
    Ok(())
}

impl Store {
    /// A transaction that takes the write lock at once: it cannot fail half-way for being late.
    pub(super) async fn begin(&self, operation: &'static str) -> Result<Tx<'_>, LedgerError> {
        let tx = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(db(operation))?;
        self.check_file(operation)?;
        Ok(tx)
    }

    /// Several reads at one moment.
    pub(super) async fn reader(&self) -> Result<Tx<'_>, LedgerError> {
        self.pool.begin().await.map_err(db("read"))
    }

    /// What was written to a file that is gone was not written.
    pub(super) async fn commit_tx(&self, tx: Tx<'_>, operation: &'static str) -> Result<(), LedgerError> {
        tx.commit().await.map_err(db(operation))?;
        self.check_file(operation)
    }

    #[expect(clippy::unused_async, reason = "the same signature for each database")]
    pub(super) async fn time(&self, _tx: &mut Tx<'_>) -> Result<Timestamp, LedgerError> {
        Ok(self.clock.now())
    }

    #[expect(clippy::unused_async, reason = "the same signature for each database")]
    pub(super) async fn clock(&self, _operation: &'static str) -> Result<Timestamp, LedgerError> {
        Ok(self.clock.now())
    }
}
