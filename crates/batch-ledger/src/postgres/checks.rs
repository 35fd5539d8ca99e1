//! What a server must be to keep a ledger: a commit that was answered has to survive its crash.

use batch_orchestrator::ledger::{LedgerError, LedgerErrorKind};
use sqlx::PgConnection;

use crate::error::db;

/// The oldest version that is supported.
const OLDEST: i64 = 120_000;

/// Settings that lose what was committed, and why.
const DURABLE: [(&str, &str); 3] = [
    ("fsync", "a crash of the machine would lose or damage the ledger"),
    ("synchronous_commit", "a crash of the server would lose commits that were answered"),
    ("full_page_writes", "a crash of the machine could damage the ledger"),
];

pub(super) async fn check(server: &mut PgConnection, read_only: bool) -> Result<(), LedgerError> {
    let version = setting(server, "server_version_num").await?;
    if version.parse::<i64>().is_ok_and(|version| version < OLDEST) {
        let shown = setting(server, "server_version").await?;
        return Err(refuse(format!("the server is PostgreSQL {shown}, expected 12 or later")));
    }
    if read_only {
        return Ok(());
    }
    for (name, why) in DURABLE {
        if setting(server, name).await? == "off" {
            return Err(refuse(format!("the server has {name} = off: {why}; set it to on")));
        }
    }
    let standby: bool = sqlx::query_scalar("SELECT pg_is_in_recovery()")
        .fetch_one(server)
        .await
        .map_err(db("open the ledger"))?;
    if standby {
        return Err(refuse("the server is a standby, which takes no writes; name the primary".to_owned()));
    }
    Ok(())
}

async fn setting(server: &mut PgConnection, name: &str) -> Result<String, LedgerError> {
    sqlx::query_scalar("SELECT current_setting($1)")
        .bind(name)
        .fetch_one(server)
        .await
        .map_err(db("open the ledger"))
}

fn refuse(message: String) -> LedgerError {
    LedgerError::new(LedgerErrorKind::Unusable, "open the ledger", message)
}
