//! What is finished must not cost anything. (For SQLite: `sql/claims.rs`.)

use std::time::Duration;

use batch_ledger::PgLedger;
use batch_orchestrator::{
    ledger::{ClaimRequest, JobView, Ledger, WorkerId},
    model::{InputSnapshot, JobKey, JobRecord, JobState, Timestamp},
};
use sqlx::{Connection, PgConnection, Row};

use crate::support::{Schema, input};

/// So many jobs that are done, and so many that are due.
async fn fill(ledger: &dyn Ledger, done: usize, due: usize) {
    let views: Vec<_> = (0..done).map(finished).collect();
    assert_eq!(ledger.restore(&views).await.unwrap(), done as u64);
    let inputs: Vec<InputSnapshot> = (0..due).map(|number| input(&format!("due-{number}"))).collect();
    let now = ledger.now().await.unwrap();
    assert_eq!(ledger.discover("account", &inputs, now).await.unwrap().len(), due);
}

fn finished(number: usize) -> JobView {
    let job = JobRecord {
        key: JobKey(format!("{number:024x}")),
        input: input(&format!("done-{number}")),
        state: JobState::Dropped { reason: "finished".into() },
        version: 1,
        failures: 0,
        problem: None,
        due_at: Timestamp::NEVER,
        created_at: Timestamp(1),
        updated_at: Timestamp(1),
    };
    JobView { job, parts: Vec::new() }
}

async fn claim(ledger: &dyn Ledger) -> usize {
    let request =
        ClaimRequest { worker: WorkerId("w".into()), limit: 4, window: 4, ttl: Duration::from_secs(90) };
    ledger.claim(&request).await.unwrap().leases.len()
}

/// The server's own count of the rows that it read one after the other.
#[tokio::test]
async fn a_claim_on_postgresql_reads_no_table_from_end_to_end() {
    let Some(schema) = Schema::new().await else { return };
    let ledger = PgLedger::connect(&schema.options()).await.unwrap();
    fill(&ledger, 5_000, 40).await;
    let mut server = PgConnection::connect(&schema.server).await.unwrap();
    sqlx::query("SELECT set_config('search_path', $1, false)")
        .bind(&schema.name)
        .execute(&mut server)
        .await
        .unwrap();
    for statement in ["VACUUM ANALYZE job", "VACUUM ANALYZE part"] {
        sqlx::raw_sql(statement).execute(&mut server).await.unwrap();
    }
    let before = rows_scanned(&mut server, &schema.name).await;
    for _ in 0..10 {
        assert_eq!(claim(&ledger).await, 4);
    }
    // The server publishes its counts once a second, or when a connection ends.
    drop(ledger);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let scanned = rows_scanned(&mut server, &schema.name).await - before;
    assert!(scanned < 5_000, "{scanned} rows were read by ten claims");
}

async fn rows_scanned(server: &mut PgConnection, schema: &str) -> i64 {
    let text = "SELECT CAST(COALESCE(SUM(seq_tup_read), 0) AS BIGINT) AS rows FROM pg_stat_user_tables \
         WHERE schemaname = $1 AND relname IN ('job', 'part')";
    sqlx::query(text).bind(schema).fetch_one(server).await.unwrap().get("rows")
}
