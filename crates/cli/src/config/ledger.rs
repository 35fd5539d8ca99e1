//! Where the ledger is.

use std::path::Path;

use url::Url;

use super::{
    identities, raw,
    settings::{LedgerKind, Secret, SharedLedger},
};
use crate::error::{CliError, CliResult};

/// A file below `base`, or a database.
pub(super) fn ledger(ledger: &raw::Ledger, base: &Path) -> CliResult<LedgerKind> {
    let url = ledger.url.as_str();
    if let Some(path) = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"))
        && !path.is_empty()
    {
        return Ok(LedgerKind::Sqlite(base.join(path)));
    }
    // Not quoted: a URL that cannot be read may hold a password all the same.
    let wrong = || {
        CliError::usage("ledger.url is neither sqlite://PATH nor postgres://USER@HOST/DATABASE")
            .hint("a file serves one process; several workers share a database")
    };
    if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
        return Err(wrong());
    }
    let parsed = Url::parse(url).map_err(|_| wrong())?;
    let host = parsed.host_str().unwrap_or("localhost");
    let port = parsed.port().map(|port| format!(":{port}")).unwrap_or_default();
    Ok(LedgerKind::Postgres(Box::new(SharedLedger {
        url: Secret(url.to_owned()),
        address: format!("postgres://{host}{port}{}", parsed.path()),
        auth: identities::ledger(ledger)?,
        pgbouncer: ledger.pgbouncer,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> CliResult<LedgerKind> {
        ledger(&raw::Ledger { url: url.into(), ..Default::default() }, Path::new("/base"))
    }

    #[test]
    fn a_file_is_relative_to_the_configuration() {
        for url in ["sqlite://x/l.db", "sqlite:x/l.db"] {
            assert_eq!(read(url).unwrap().to_string(), "/base/x/l.db");
        }
        assert_eq!(read("sqlite:///var/l.db").unwrap().to_string(), "/var/l.db");
    }

    #[test]
    fn a_password_is_never_shown() {
        let kind = read("postgres://me:s3cret@db.example:6432/work?sslmode=require&password=s3cret").unwrap();
        assert_eq!(kind.to_string(), "postgres://db.example:6432/work");
        assert!(!format!("{kind:?}").contains("s3cret"));
        let error = read("postgres://me:s3cret@[bad/work").unwrap_err();
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }

    #[test]
    fn other_places_are_refused() {
        for url in ["", "sqlite://", "ledger.db", "mysql://x/y"] {
            assert!(read(url).is_err(), "{url}");
        }
    }
}
