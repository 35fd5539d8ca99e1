//! From sqlx to the ledger's error kinds, in one place.

use batch_orchestrator::ledger::{LedgerError, LedgerErrorKind};

/// What the caller can do about it, and what to tell a person.
type Verdict = (LedgerErrorKind, &'static str);

/// Names the operation and finds the kind.
pub(crate) fn db(operation: &'static str) -> impl Fn(sqlx::Error) -> LedgerError {
    move |error| {
        let (kind, message) = judge(&error);
        LedgerError { kind, operation, message: message.into(), source: Some(Box::new(error)) }
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

/// Whether the server refuses who we say we are: a password that has run out, maybe.
pub(crate) fn is_refused(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code.len() == 5 && code.starts_with("28"))
}

fn judge(error: &sqlx::Error) -> Verdict {
    use LedgerErrorKind::{Corrupt, Unavailable, Unusable};
    let sqlx::Error::Database(database) = error else {
        return match error {
            // This is how a handshake tells of a certificate.
            sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                (Unusable, "the certificate of the ledger's server is not trusted; `sslrootcert` names its authority")
            }
            sqlx::Error::Tls(_) => (Unusable, "there is no TLS with the ledger's server"),
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => {
                (Unavailable, "the ledger's database cannot be reached")
            }
            sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed
            // A connection that broke in the middle of a message.
            | sqlx::Error::Protocol(_) => (Unavailable, "the connection to the ledger's database broke"),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::ColumnNotFound(_) => {
                (Corrupt, "the ledger holds something else than expected")
            }
            _ => (Unusable, "the ledger's database failed"),
        };
    };
    match database.code() {
        // A state of five characters is PostgreSQL's; SQLite has numbers, of which the longest are four digits.
        Some(code) if code.len() == 5 => postgres(&code),
        Some(code) => sqlite(code.parse().unwrap_or_default()),
        None => (Unusable, "the ledger's database failed"),
    }
}

/// SQLite's primary result code is the low byte of the extended one.
fn sqlite(code: u32) -> Verdict {
    use LedgerErrorKind::{Corrupt, Unavailable, Unusable};
    match code & 0xff {
        // SQLITE_BUSY, SQLITE_LOCKED
        5 | 6 => (Unavailable, "another process has the ledger's file"),
        // SQLITE_CORRUPT, SQLITE_NOTADB
        11 | 26 => (Corrupt, "the ledger's file is damaged, or not a ledger"),
        // SQLITE_FULL
        13 => (Unusable, "no room is left for the ledger; make some and run again"),
        // SQLITE_PERM, SQLITE_READONLY, SQLITE_CANTOPEN
        3 | 8 | 14 => {
            (Unusable, "the ledger's file cannot be written; look at the rights of it and its directory")
        }
        // SQLITE_IOERR
        10 => (Unusable, "the ledger's disk failed"),
        _ => (Unusable, "the ledger's database failed"),
    }
}

/// By the class, which is the first two characters, where the class says it.
fn postgres(state: &str) -> Verdict {
    use LedgerErrorKind::{Corrupt, Unavailable, Unusable};
    match (state.get(..2).unwrap_or_default(), state) {
        // A table or a column that is not there: the database holds something else.
        (_, "42P01" | "42703") => (Corrupt, "the ledger's database holds something else than expected"),
        // Its own word for it.
        (_, "XX001" | "XX002") => (Corrupt, "the ledger's database is damaged"),
        // Time alone does not mend these.
        (_, "53100") => (Unusable, "no room is left at the ledger's server"),
        (_, "42501") => {
            (Unusable, "the ledger's role lacks a right; the documentation of batch-ledger lists them")
        }
        (_, "3D000") => (Unusable, "the ledger's database does not exist; create it"),
        // A prepared statement that is not there, or is there already.
        (_, "26000" | "42P05") => {
            (Unusable, "a pooler stands before the ledger's server; set ledger.pgbouncer = true")
        }
        ("28", _) => (Unusable, "the ledger's server refuses this user or password"),
        // A standby after a fail-over, or a disk that is nearly full.
        (_, "25006") => (Unavailable, "the ledger's server takes no writes now"),
        // Serialization failures and deadlocks; a lock, a statement or a transaction that took too long.
        ("40" | "55", _) | (_, "57014" | "25P03") => (Unavailable, "the ledger's server is busy"),
        // Connections that break, no resources, an operator's shut-down or start-up.
        ("08" | "53" | "57", _) => (Unavailable, "the ledger's server is not available"),
        _ => (Unusable, "the ledger's database failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_told_from_what_does_not() {
        for state in
            ["57P01", "57P03", "08006", "40001", "40P01", "53300", "25006", "57014", "25P03", "55P03"]
        {
            assert_eq!(postgres(state).0, LedgerErrorKind::Unavailable, "{state}");
        }
        for state in ["28P01", "42501", "53100", "3D000", "26000"] {
            assert_eq!(postgres(state).0, LedgerErrorKind::Unusable, "{state}");
        }
        assert_eq!(postgres("42P01").0, LedgerErrorKind::Corrupt);
        assert_eq!(
            (sqlite(5).0, sqlite(517).0),
            (LedgerErrorKind::Unavailable, LedgerErrorKind::Unavailable)
        );
        assert_eq!((sqlite(11).0, sqlite(13).0), (LedgerErrorKind::Corrupt, LedgerErrorKind::Unusable));
    }

    #[test]
    fn a_certificate_is_not_waited_for() {
        let io = |kind: std::io::ErrorKind| judge(&sqlx::Error::Io(kind.into())).0;
        assert_eq!(io(std::io::ErrorKind::InvalidData), LedgerErrorKind::Unusable);
        assert_eq!(io(std::io::ErrorKind::ConnectionReset), LedgerErrorKind::Unavailable);
    }
}
