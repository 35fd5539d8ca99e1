//! PostgreSQL: the conformance suite, and what only a server can get wrong.
//!
//! They need a server: `cargo xtask pg -- cargo test -p batch-ledger`, or `DATABASE_URL`.

use std::time::Duration;

use batch_ledger::{Access, PgLedger, PgOptions};
use batch_orchestrator::ledger::{JobQuery, Ledger, LedgerErrorKind};
use secrecy::ExposeSecret;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

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

/// The statements of the README that begin so, for this schema and this role.
fn documented(start: &str, schema: &str, role: &str) -> Vec<String> {
    let text = include_str!("../../README.md");
    let adapt = |line: &str| {
        let line = line.replace("SCHEMA aoai", &format!("SCHEMA {schema}"));
        line.replace("TO worker;", &format!("TO {role};"))
    };
    text.lines().filter(|line| line.starts_with(start)).map(adapt).collect()
}

#[tokio::test]
async fn the_rights_that_the_readme_lists_are_enough() {
    use batch_orchestrator::ledger::conformance::{
        a_decision_is_for_what_is_at_rest, a_foreign_job_is_looked_at_again,
        a_lost_job_is_restored_as_it_was, a_name_belongs_to_one_job, an_ended_batch_wakes_its_part,
        polling_takes_turns, workers_share_their_places,
    };
    let Some(schema) = Schema::new().await else { return };
    drop(PgLedger::connect(&schema.options()).await.unwrap());
    let mut owner = PgConnection::connect(schema.options().url.expose_secret()).await.unwrap();
    let name: String = sqlx::query_scalar("SELECT current_schema()").fetch_one(&mut owner).await.unwrap();
    let role = format!("{name}_worker");
    owner.execute(AssertSqlSafe(format!("CREATE ROLE {role}"))).await.unwrap();
    let grants = documented("GRANT ", &name, &role);
    assert_eq!(grants.len(), 6, "{grants:?}");
    for grant in grants {
        owner.execute(AssertSqlSafe(grant)).await.unwrap();
    }
    let url = format!("{}%20-c%20role%3D{role}", schema.options().url.expose_secret());
    let mut worker = PgConnection::connect(&url).await.unwrap();
    for more in ["CREATE TABLE other (id BIGINT)", "SELECT * FROM event", "DELETE FROM job"] {
        assert!(worker.execute(more).await.is_err(), "the role is not what it should be: {more}");
    }

    // As an administrator leaves it: with tables, and never used.
    let tables = "ledger_meta, job, part, event, worker, endpoint, reservation";
    owner.execute(AssertSqlSafe(format!("TRUNCATE {tables}"))).await.unwrap();
    let ledger = PgLedger::connect(&PgOptions::new(url.clone())).await.unwrap();
    macro_rules! conform {
        ($($name:ident)*) => {$(
            $name(&ledger).await;
            owner.execute("TRUNCATE job, part, event, worker, endpoint, reservation").await.unwrap();
        )*};
    }
    conform!(a_decision_is_for_what_is_at_rest a_foreign_job_is_looked_at_again a_lost_job_is_restored_as_it_was
        a_name_belongs_to_one_job an_ended_batch_wakes_its_part polling_takes_turns workers_share_their_places);

    owner
        .execute(AssertSqlSafe(format!("REVOKE ALL ON ALL TABLES IN SCHEMA {name} FROM {role}")))
        .await
        .unwrap();
    let error = PgLedger::connect(&PgOptions::new(url.clone())).await.unwrap_err();
    assert!(error.to_string().contains("lacks a right"), "{error}");
    owner.execute(AssertSqlSafe(format!("GRANT SELECT ON ledger_meta, job, part TO {role}"))).await.unwrap();
    let look = PgOptions { access: Access::Look, ..PgOptions::new(url) };
    assert!(PgLedger::connect(&look).await.unwrap().view(&JobQuery::default()).await.unwrap().is_empty());

    for text in [format!("DROP OWNED BY {role}"), format!("DROP ROLE {role}")] {
        owner.execute(AssertSqlSafe(text)).await.unwrap();
    }
}
