//! PostgreSQL: the conformance suite, and what only a server can get wrong.
//!
//! They need a server: `cargo xtask pg -- cargo test -p batch-ledger`, or `DATABASE_URL`.

use std::{io::Write, sync::Once, time::Duration};

use batch_ledger::{Access, PgLedger, PgOptions};
use batch_orchestrator::ledger::{JobQuery, Ledger, LedgerErrorKind};
use sqlx::{Connection, Executor, PgConnection};

static SAID: Once = Once::new();

/// A schema of its own for each test, dropped with the guard.
struct Schema {
    server: String,
    name: String,
}

impl Schema {
    /// `None`, and a word about it, where there is no server.
    async fn new() -> Option<Self> {
        #[expect(
            clippy::disallowed_methods,
            reason = "tests are told by the environment where the server is"
        )]
        let (server, required) =
            (std::env::var("DATABASE_URL"), std::env::var("AOAI_BATCH_REQUIRE_POSTGRES"));
        let Ok(server) = server else {
            assert!(required.is_err(), "DATABASE_URL is not set, and these tests must not be skipped here");
            SAID.call_once(|| {
                let text = "skipped: the PostgreSQL tests need a server; run \
                            `cargo xtask pg -- cargo test -p batch-ledger`";
                // Past the harness, which shows nothing of a test that passes.
                let _ = writeln!(std::io::stderr(), "{text}");
            });
            return None;
        };
        let name = format!("aob_test_{}", uuid::Uuid::new_v4().simple());
        let mut connection = PgConnection::connect(&server).await.expect("the server of DATABASE_URL");
        connection
            .execute(sqlx::AssertSqlSafe(format!("CREATE SCHEMA {name}")))
            .await
            .expect("the right to create a schema");
        Some(Self { server, name })
    }

    fn options(&self) -> PgOptions {
        let joint = if self.server.contains('?') { '&' } else { '?' };
        PgOptions::new(format!("{}{joint}options=-c%20search_path%3D{}", self.server, self.name))
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // The test's own runtime cannot be waited for here.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut connection = PgConnection::connect(&server).await?;
                connection.execute(sqlx::AssertSqlSafe(format!("DROP SCHEMA {name} CASCADE"))).await?;
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
            })
        });
        // A schema that stays is only untidy.
        let _ = dropped.join();
    }
}

async fn ledger() -> Option<(PgLedger, Schema)> {
    let schema = Schema::new().await?;
    Some((PgLedger::connect(&schema.options()).await.expect("a new ledger"), schema))
}

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
    assert_eq!(PgLedger::connect(&look).await.unwrap_err().kind, LedgerErrorKind::Corrupt);
}

#[tokio::test]
async fn the_time_is_the_servers_and_goes_on() {
    let Some((ledger, _schema)) = ledger().await else { return };
    let first = ledger.now().await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(ledger.now().await.unwrap().since(first) >= Duration::from_millis(15));
}
