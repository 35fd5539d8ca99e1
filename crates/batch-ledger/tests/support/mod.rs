//! A schema of its own for each test.

use std::{io::Write, sync::Once};

use batch_ledger::{PgLedger, PgOptions};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

static SAID: Once = Once::new();

/// A schema, dropped with the guard.
pub struct Schema {
    pub server: String,
    pub name: String,
}

impl Schema {
    /// `None`, and a word about it, where there is no server.
    pub async fn new() -> Option<Self> {
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

    pub fn options(&self) -> PgOptions {
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
                connection.execute(AssertSqlSafe(format!("DROP SCHEMA {name} CASCADE"))).await?;
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
            })
        });
        // A schema that stays is only untidy.
        let _ = dropped.join();
    }
}

pub async fn ledger() -> Option<(PgLedger, Schema)> {
    let schema = Schema::new().await?;
    Some((PgLedger::connect(&schema.options()).await.expect("a new ledger"), schema))
}
