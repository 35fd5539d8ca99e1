//! A schema of its own for each test.

use std::{io::Write, sync::Once};

use adls_io::{ETag, LakePath, Location};
use batch_ledger::{PgLedger, PgOptions};
use batch_orchestrator::model::{InputSnapshot, PartPlan, TokenTotals};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

static SAID: Once = Once::new();

/// A schema, dropped with the guard.
pub(crate) struct Schema {
    server: String,
    name: String,
}

impl Schema {
    /// `None`, and a word about it, where there is no server.
    pub(crate) async fn new() -> Option<Self> {
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
            .execute(AssertSqlSafe(format!("CREATE SCHEMA {name}")))
            .await
            .expect("the right to create a schema");
        Some(Self { server, name })
    }

    pub(crate) fn options(&self) -> PgOptions {
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
                // A transaction that was dropped is rolled back by the runtime that waits for us.
                let holders = "SELECT pg_terminate_backend(locks.pid) FROM pg_locks AS locks \
                     JOIN pg_class ON pg_class.oid = locks.relation \
                     JOIN pg_namespace ON pg_namespace.oid = pg_class.relnamespace \
                     WHERE nspname = $1 AND locks.pid <> pg_backend_pid()";
                sqlx::query(holders).bind(&name).execute(&mut connection).await?;
                connection.execute(AssertSqlSafe(format!("DROP SCHEMA {name} CASCADE"))).await?;
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
            })
        });
        // A schema that stays is only untidy.
        let _ = dropped.join();
    }
}

pub(crate) async fn ledger() -> Option<(PgLedger, Schema)> {
    let schema = Schema::new().await?;
    Some((PgLedger::connect(&schema.options()).await.expect("a new ledger"), schema))
}

/// A version of an input of this name.
pub(crate) fn input(name: &str) -> InputSnapshot {
    let location = Location::new("in", LakePath::parse(name).unwrap());
    InputSnapshot { location, etag: ETag("1".into()), size: 1, modified_ms: 0 }
}

/// A part of one line.
pub(crate) fn plan(number: u32) -> PartPlan {
    let tokens = TokenTotals::ZERO;
    PartPlan {
        number,
        first_line: 1,
        lines: 1,
        offset: 0,
        bytes: 1,
        upload_bytes: 1,
        tokens,
        named: None,
        again: None,
    }
}
