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
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed
            // A connection that broke in the middle of a message.
            | sqlx::Error::Protocol(_) => LedgerErrorKind::Unavailable,
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::ColumnNotFound(_) => {
                LedgerErrorKind::Corrupt
            }
            _ => LedgerErrorKind::Unusable,
        };
    };
    match database.code() {
        // A state of five characters is PostgreSQL's; SQLite has numbers, of which the longest are four digits.
        Some(code) if code.len() == 5 => postgres(&code),
        Some(code) => sqlite(code.parse().unwrap_or_default()),
        None => LedgerErrorKind::Unusable,
    }
}

/// SQLite's primary result code is the low byte of the extended one.
fn sqlite(code: u32) -> LedgerErrorKind {
    match code & 0xff {
        // SQLITE_BUSY, SQLITE_LOCKED
        5 | 6 => LedgerErrorKind::Unavailable,
        // SQLITE_CORRUPT, SQLITE_NOTADB
        11 | 26 => LedgerErrorKind::Corrupt,
        // SQLITE_READONLY, SQLITE_IOERR, SQLITE_FULL, SQLITE_CANTOPEN and the rest
        _ => LedgerErrorKind::Unusable,
    }
}

/// By the class, which is the first two characters, where the class says it.
fn postgres(state: &str) -> LedgerErrorKind {
    match (&state[..2], state) {
        // A table that is not there, a column that is not there: the database holds something else.
        (_, "42P01" | "42703") => LedgerErrorKind::Corrupt,
        // The disk is full: time alone does not mend it.
        (_, "53100") => LedgerErrorKind::Unusable,
        // Connection trouble, serialization failures and deadlocks, no resources, an operator's shut-down or start-up,
        // a lock or statement that timed out, a server that is not primary any more after a fail-over.
        ("08" | "40" | "53" | "57" | "55", _) | (_, "25006") => LedgerErrorKind::Unavailable,
        // No permission, a wrong password, and the rest.
        _ => LedgerErrorKind::Unusable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_told_from_what_does_not() {
        for state in ["57P01", "57P03", "08006", "40001", "40P01", "53300", "25006"] {
            assert_eq!(postgres(state), LedgerErrorKind::Unavailable, "{state}");
        }
        for state in ["28P01", "42501", "53100", "3D000"] {
            assert_eq!(postgres(state), LedgerErrorKind::Unusable, "{state}");
        }
        assert_eq!(postgres("42P01"), LedgerErrorKind::Corrupt);
        assert_eq!((sqlite(5), sqlite(517)), (LedgerErrorKind::Unavailable, LedgerErrorKind::Unavailable));
        assert_eq!((sqlite(11), sqlite(13)), (LedgerErrorKind::Corrupt, LedgerErrorKind::Unusable));
    }
}
