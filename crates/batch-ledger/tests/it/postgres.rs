//! PostgreSQL: the conformance suite, and what only a server can get wrong.
//!
//! They need a server: `cargo xtask pg -- cargo test -p batch-ledger`, or `DATABASE_URL`.

use std::time::Duration;

use batch_ledger::{Access, PgLedger, PgOptions};
use batch_orchestrator::ledger::{JobQuery, Ledger, LedgerErrorKind};

use crate::support::{Schema, ledger};

batch_orchestrator::ledger_conformance!(ledger);

#[tokio::test]
async fn workers_that_start_together_share_one_ledger() {
    let Some(schema) = Schema::new().await else { return };
    let options = schema.options();
    let open = || PgLedger::connect(&options);
    let (a, b, c) = tokio::try_join!(open(), open(), open()).unwrap();
    assert!(a.id() == b.id() && b.id() == c.id());
    let look = PgLedger::connect(&PgOptions { access: Access::Look, ..options.clone() }).await.unwrap();
    assert_eq!(look.id(), a.id());
    assert!(look.view(&JobQuery::default()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_database_without_a_ledger_is_told_when_somebody_only_looks() {
    let Some(schema) = Schema::new().await else { return };
    let look = PgOptions { access: Access::Look, ..schema.options() };
    let error = PgLedger::connect(&look).await.unwrap_err();
    assert_eq!(error.kind, LedgerErrorKind::Unusable);
    assert!(error.to_string().contains("there is no ledger"), "{error}");
}

#[tokio::test]
async fn the_time_is_the_servers_and_goes_on() {
    let Some((ledger, _schema)) = ledger().await else { return };
    let first = ledger.now().await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(ledger.now().await.unwrap().since(first) >= Duration::from_millis(15));
}
