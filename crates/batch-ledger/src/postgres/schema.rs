//! The tables, made by whichever worker comes first.

use batch_orchestrator::ledger::LedgerError;
use sqlx::{PgConnection, Postgres, Row};

use crate::{error::db, meta};

/// Ours among the advisory locks of a database, which other programs may use as well.
const LOCK: i64 = 0x616f_6269_6c65_6467;

/// Brings the schema up to date, if that is asked for, and finds the ledger's id. In one transaction, for a lock that
/// belongs to a transaction is the only one that also works through a pooler.
pub(super) async fn prepare(
    connection: &mut PgConnection,
    place: &str,
    create: bool,
) -> Result<String, LedgerError> {
    let failed = |error| meta::in_place(place, db("open the ledger")(error));
    if create && !is_current(connection).await.map_err(failed)? {
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(LOCK)
            .execute(&mut *connection)
            .await
            .map_err(failed)?;
        meta::MIGRATIONS.run(&mut *connection).await.map_err(|error| meta::migration_error(place, error))?;
    }
    if !exists(connection, "ledger_meta").await.map_err(failed)? {
        return Err(meta::missing(place));
    }
    meta::identify::<Postgres>(connection, place, create).await
}

/// Whether all migrations are there. A role that must not create tables can work then.
async fn is_current(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    if !exists(connection, "_sqlx_migrations").await? {
        return Ok(false);
    }
    let applied =
        sqlx::query("SELECT version, checksum FROM _sqlx_migrations WHERE success ORDER BY version")
            .fetch_all(connection)
            .await?;
    let mut found = Vec::with_capacity(applied.len());
    for row in &applied {
        found.push((row.try_get::<i64, _>("version")?, row.try_get::<Vec<u8>, _>("checksum")?));
    }
    Ok(found
        .iter()
        .map(|(version, checksum)| (*version, checksum.as_slice()))
        .eq(meta::MIGRATIONS.iter().map(|migration| (migration.version, &*migration.checksum))))
}

async fn exists(connection: &mut PgConnection, table: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL").bind(table).fetch_one(connection).await
}
