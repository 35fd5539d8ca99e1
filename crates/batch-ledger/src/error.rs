//! From sqlx to the ledger's error kinds, in one place.

use batch_orchestrator::ledger::{LedgerError, LedgerErrorKind};

/// Names the operation and finds the kind.
pub(crate) fn db(operation: &'static str) -> impl Fn(sqlx::Error) -> LedgerError {
    move |error| LedgerError {
        kind: kind_of(&error),
        operation,
        message: "the ledger's database failed".into(),
        source: Some(Box::new(error)),
    }
}

/// A document that cannot be read: damaged, or written by a newer version.
pub(crate) fn document(what: &str, error: impl std::error::Error + Send + Sync + 'static) -> LedgerError {
    LedgerError {
        kind: LedgerErrorKind::Corrupt,
        operation: "read",
        message: format!("the ledger holds {what} that this version cannot read"),
        source: Some(Box::new(error)),
    }
}

fn kind_of(error: &sqlx::Error) -> LedgerErrorKind {
    let sqlx::Error::Database(database) = error else {
        return match error {
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => LedgerErrorKind::Unavailable,
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => LedgerErrorKind::Corrupt,
            _ => LedgerErrorKind::Unusable,
        };
    };
    // SQLite's primary result code is the low byte of the extended one.
    match database.code().and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff) {
        // SQLITE_BUSY, SQLITE_LOCKED
        Some(5 | 6) => LedgerErrorKind::Unavailable,
        // SQLITE_CORRUPT, SQLITE_NOTADB
        Some(11 | 26) => LedgerErrorKind::Corrupt,
        // SQLITE_READONLY, SQLITE_IOERR, SQLITE_FULL, SQLITE_CANTOPEN and the rest
        _ => LedgerErrorKind::Unusable,
    }
}
