//! Opening a ledger file.

use std::{path::PathBuf, sync::atomic::AtomicI64, time::Duration};

use batch_orchestrator::ledger::{LedgerError, LedgerErrorKind};
use sqlx::{
    Row, SqlitePool,
    migrate::MigrateError,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::lock::{self, ProcessLock};
use crate::{error::db, sql};

/// The version of the documents in the ledger. A ledger with a newer one is refused.
const FORMAT: i64 = 1;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// How to open a ledger file.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// The file. It must be on a local disk: WAL does not work over a network.
    pub path: PathBuf,
    /// Only to look: takes no lock, so it works while another process runs; fails if there is no ledger.
    pub read_only: bool,
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
    pub(super) last_now: AtomicI64,
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
        let lock = if options.read_only {
            std::fs::metadata(&options.path).map_err(unusable)?;
            None
        } else {
            if let Some(directory) = options.path.parent() {
                std::fs::create_dir_all(directory).map_err(unusable)?;
            }
            Some(lock::take(&options.path)?)
        };
        let connect = SqliteConnectOptions::new()
            .filename(&options.path)
            .create_if_missing(!options.read_only)
            .read_only(options.read_only)
            .busy_timeout(Duration::from_secs(30))
            .foreign_keys(true);
        let connect = if options.read_only {
            connect
        } else {
            connect.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full)
        };
        // One connection: SQLite has one writer, and a queue in the pool is fairer than its busy loop.
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(connect)
            .await
            .map_err(|error| in_file(&options.path, db("open the ledger")(error)))?;
        let ledger =
            Self { id: identify(&pool, options).await?, pool, last_now: AtomicI64::new(0), _lock: lock };
        if !options.read_only {
            // The lock says that nobody else is alive: whoever held these leases is gone.
            for void in [sql::VOID_JOB_LEASES, sql::VOID_PART_LEASES, sql::VOID_WORKERS, sql::VOID_TURNS] {
                sqlx::query(void).execute(&ledger.pool).await.map_err(db("open the ledger"))?;
            }
        }
        Ok(ledger)
    }
}

/// Brings the schema up to date and finds the ledger's id.
async fn identify(pool: &SqlitePool, options: &SqliteOptions) -> Result<String, LedgerError> {
    let failed = |error| in_file(&options.path, db("open the ledger")(error));
    if !options.read_only {
        MIGRATIONS.run(pool).await.map_err(|error| migration_error(&options.path, error))?;
        sqlx::query(sql::INSERT_META)
            .bind(uuid::Uuid::new_v4().to_string())
            .bind(FORMAT)
            .execute(pool)
            .await
            .map_err(failed)?;
    }
    let meta = sqlx::query(sql::READ_META).fetch_one(pool).await.map_err(failed)?;
    let (id, format): (String, i64) =
        (meta.try_get("ledger_id").map_err(failed)?, meta.try_get("format").map_err(failed)?);
    if format > FORMAT { Err(newer(&options.path)) } else { Ok(id) }
}

fn migration_error(path: &std::path::Path, error: MigrateError) -> LedgerError {
    match error {
        MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..) => newer(path),
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            in_file(path, db("open the ledger")(error))
        }
        error => LedgerError {
            kind: LedgerErrorKind::Corrupt,
            operation: "open the ledger",
            message: format!("{} has a schema that this version does not know", path.display()),
            source: Some(Box::new(error)),
        },
    }
}

fn newer(path: &std::path::Path) -> LedgerError {
    let message = format!("{} was written by a newer version of aoai-batch", path.display());
    LedgerError::new(LedgerErrorKind::Newer, "open the ledger", message)
}

fn in_file(path: &std::path::Path, mut error: LedgerError) -> LedgerError {
    error.message = match error.kind {
        LedgerErrorKind::Corrupt => format!("{} is damaged, or not a ledger", path.display()),
        _ => format!("{} cannot be used", path.display()),
    };
    error
}
