//! Schema and identity of a ledger, whichever database holds it.

use batch_orchestrator::ledger::{LedgerError, LedgerErrorKind};
use sqlx::{
    ColumnIndex, Database, Decode, Encode, Executor, IntoArguments, Pool, Row, Type,
    migrate::{MigrateError, Migrator},
};

use crate::{error::db, sql};

/// The version of the documents in the ledger. A ledger with a newer one is refused.
pub(crate) const FORMAT: i64 = 1;

pub(crate) static MIGRATIONS: Migrator = sqlx::migrate!();

/// Gives a new ledger its id.
pub(crate) async fn create<D>(pool: &Pool<D>) -> Result<(), LedgerError>
where
    D: Database,
    for<'c> &'c Pool<D>: Executor<'c, Database = D>,
    for<'q> String: Encode<'q, D> + Type<D>,
    for<'q> i64: Encode<'q, D> + Type<D>,
    D::Arguments: IntoArguments<D>,
{
    sqlx::query(sql::INSERT_META)
        .bind(uuid::Uuid::new_v4().to_string())
        .bind(FORMAT)
        .execute(pool)
        .await
        .map_err(db("open the ledger"))?;
    Ok(())
}

/// The id of a ledger.
pub(crate) async fn read<D>(pool: &Pool<D>, place: &str) -> Result<String, LedgerError>
where
    D: Database,
    for<'c> &'c Pool<D>: Executor<'c, Database = D>,
    for<'r> String: Decode<'r, D> + Type<D>,
    for<'r> i64: Decode<'r, D> + Type<D>,
    for<'i> &'i str: ColumnIndex<D::Row>,
    D::Arguments: IntoArguments<D>,
{
    let failed = |error| in_place(place, db("open the ledger")(error));
    let meta = sqlx::query(sql::READ_META).fetch_one(pool).await.map_err(failed)?;
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

fn newer(place: &str) -> LedgerError {
    let message = format!("{place} was written by a newer version of aoai-batch");
    LedgerError::new(LedgerErrorKind::Newer, "open the ledger", message)
}

pub(crate) fn in_place(place: &str, mut error: LedgerError) -> LedgerError {
    error.message = match error.kind {
        LedgerErrorKind::Corrupt => format!("{place} is damaged, or not a ledger"),
        LedgerErrorKind::Unavailable => format!("{place} cannot be reached now"),
        _ => format!("{place} cannot be used"),
    };
    error
}
