//! Schema and identity of a ledger, whichever database holds it.

use std::sync::LazyLock;

use batch_orchestrator::ledger::{LedgerError, LedgerErrorKind};
use sqlx::{
    ColumnIndex, Database, Decode, Encode, Executor, IntoArguments, Row, Type,
    migrate::{MigrateError, Migrator},
};

use crate::{error::db, sql};

/// The version of the documents in the ledger. A ledger with a newer one is refused.
const FORMAT: i64 = 1;

/// Its callers lock: sqlx's own lock belongs to a session, which a pooler gives to somebody else.
pub(crate) static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let mut migrator = sqlx::migrate!();
    migrator.set_locking(false);
    migrator
});

/// The id of a ledger; a new one is given to a new ledger.
pub(crate) async fn identify<D>(
    connection: &mut D::Connection,
    place: &str,
    create: bool,
) -> Result<String, LedgerError>
where
    D: Database,
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
    for<'q> String: Encode<'q, D> + Decode<'q, D> + Type<D>,
    for<'q> i64: Encode<'q, D> + Decode<'q, D> + Type<D>,
    for<'i> &'i str: ColumnIndex<D::Row>,
    D::Arguments: IntoArguments<D>,
{
    let failed = |error| in_place(place, db("open the ledger")(error));
    let mut meta = sqlx::query(sql::READ_META).fetch_optional(&mut *connection).await.map_err(failed)?;
    if meta.is_none() && create {
        sqlx::query(sql::INSERT_META)
            .bind(uuid::Uuid::new_v4().to_string())
            .bind(FORMAT)
            .execute(&mut *connection)
            .await
            .map_err(failed)?;
        meta = sqlx::query(sql::READ_META).fetch_optional(&mut *connection).await.map_err(failed)?;
    }
    let meta = meta.ok_or_else(|| missing(place))?;
    let id: String = meta.try_get("ledger_id").map_err(failed)?;
    let format: i64 = meta.try_get("format").map_err(failed)?;
    if format > FORMAT { Err(newer(place)) } else { Ok(id) }
}

pub(crate) fn migration_error(place: &str, error: MigrateError) -> LedgerError {
    match error {
        MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..) => newer(place),
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            in_place(place, db("open the ledger")(error))
        }
        error => LedgerError {
            kind: LedgerErrorKind::Corrupt,
            operation: "open the ledger",
            message: format!("{place} has a schema that this version does not know"),
            source: Some(Box::new(error)),
        },
    }
}

/// There is a place, and no ledger in it.
pub(crate) fn missing(place: &str) -> LedgerError {
    let message = format!("there is no ledger in {place} yet; the first run makes it");
    LedgerError::new(LedgerErrorKind::Unusable, "open the ledger", message)
}

fn newer(place: &str) -> LedgerError {
    let message = format!("{place} was written by a newer version of aoai-batch");
    LedgerError::new(LedgerErrorKind::Newer, "open the ledger", message)
}

/// Names the place in an error's message.
pub(crate) fn in_place(place: &str, mut error: LedgerError) -> LedgerError {
    error.message = format!("{place}: {}", error.message);
    error
}
