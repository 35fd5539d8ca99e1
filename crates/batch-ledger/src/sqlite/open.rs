//! Opening a ledger file.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use batch_orchestrator::{
    ledger::{LedgerError, LedgerErrorKind},
    model::Timestamp,
};
use sqlx::{
    Sqlite, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{
    clock::Clock,
    lock::{self, ProcessLock},
    network,
};
use crate::{Access, error::db, meta, sql};

/// A due time further ahead than this was set by a clock that was wrong.
const FAR: Duration = Duration::from_hours(1);

/// How to open a ledger file.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// The file. It must be on a local disk: WAL does not work over a network.
    pub path: PathBuf,
    /// What for. Only work takes the lock.
    pub access: Access,
}

/// [`Ledger`](batch_orchestrator::ledger::Ledger) in one SQLite file.
///
/// # Guarantees
/// Write-ahead log with `synchronous = FULL`: a commit that was answered is on the disk. One working process for each
/// file, by an operating-system lock: a restart after `kill -9` goes on at once.
#[derive(Debug)]
pub struct SqliteLedger {
    pub(super) pool: SqlitePool,
    pub(super) id: String,
    pub(super) clock: Clock,
    path: PathBuf,
    file: FileId,
    _lock: Option<ProcessLock>,
}

impl SqliteLedger {
    /// Opens a ledger, creating it if need be.
    ///
    /// # Errors
    /// `InUse`, `Newer`, `Corrupt`, or `Unusable` (no permission, no such directory, a full disk).
    pub async fn open(options: &SqliteOptions) -> Result<Self, LedgerError> {
        let unusable = |error: std::io::Error| LedgerError {
            kind: LedgerErrorKind::Unusable,
            operation: "open the ledger",
            message: format!("{} cannot be used", options.path.display()),
            source: Some(Box::new(error)),
        };
        let place = options.path.display().to_string();
        let lock = if options.access != Access::Work {
            std::fs::metadata(&options.path).map_err(unusable)?;
            None
        } else {
            if let Some(directory) = options.path.parent() {
                std::fs::create_dir_all(directory).map_err(unusable)?;
                network::refuse(directory)?;
            }
            Some(lock::take(&options.path)?)
        };
        let connect = SqliteConnectOptions::new()
            .filename(&options.path)
            .create_if_missing(options.access == Access::Work)
            .read_only(options.access == Access::Look)
            .busy_timeout(Duration::from_secs(30))
            .foreign_keys(true);
        let connect = if options.access == Access::Look {
            connect
        } else {
            connect.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full)
        };
        // One connection: SQLite has one writer, and a queue in the pool is fairer than its busy loop. It stays open: a
        // path that is opened anew may name another file, or none.
        let failed = |error| meta::in_place(&place, db("open the ledger")(error));
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(connect.clone())
            .await
            .map_err(failed)?;
        pool.set_connect_options(connect.create_if_missing(false));
        let mut connection = pool.acquire().await.map_err(failed)?;
        let create = options.access == Access::Work;
        if create {
            meta::MIGRATIONS
                .run(&mut *connection)
                .await
                .map_err(|error| meta::migration_error(&place, error))?;
        }
        let id = meta::identify::<Sqlite>(&mut connection, &place, create).await?;
        drop(connection);
        let file = FileId::of(&options.path).map_err(unusable)?;
        let path = options.path.clone();
        let ledger = Self { pool, id, clock: Clock::default(), path, file, _lock: lock };
        if options.access == Access::Work {
            ledger.begin_anew().await.map_err(failed)?;
        }
        Ok(ledger)
    }

    /// The lock says that nobody else is alive: whoever held leases and turns is gone. And what a wrong clock put off is
    /// looked at now; each state knows for itself whether it has to wait.
    async fn begin_anew(&self) -> Result<(), sqlx::Error> {
        for void in [sql::VOID_JOB_LEASES, sql::VOID_PART_LEASES, sql::VOID_WORKERS, sql::VOID_TURNS] {
            sqlx::query(void).execute(&self.pool).await?;
        }
        let now = self.clock.now();
        for text in sql::BRING_NEAR {
            sqlx::query(text)
                .bind(now.0)
                .bind(now.after(FAR).0)
                .bind(Timestamp::NEVER.0)
                .execute(&self.pool)
                .await?;
        }
        Ok(())
    }

    /// Writing on into a file that somebody removed or replaced would lose everything with the end of this process.
    pub(super) fn check_file(&self, operation: &'static str) -> Result<(), LedgerError> {
        let message = match FileId::of(&self.path) {
            Ok(file) if file == self.file => return Ok(()),
            Ok(_) => "was replaced while it was in use",
            Err(_) => "vanished while it was in use",
        };
        let message = format!("{} {message}; put it back and run again", self.path.display());
        Err(LedgerError::new(LedgerErrorKind::Unusable, operation, message))
    }
}

/// Which file a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileId(u64, u64);

impl FileId {
    #[cfg(unix)]
    fn of(path: &Path) -> std::io::Result<Self> {
        use std::os::unix::fs::MetadataExt;
        std::fs::metadata(path).map(|file| Self(file.dev(), file.ino()))
    }

    /// An open file cannot be removed there.
    #[cfg(not(unix))]
    fn of(path: &Path) -> std::io::Result<Self> {
        std::fs::metadata(path).map(|_| Self(0, 0))
    }
}
