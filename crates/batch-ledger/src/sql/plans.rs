//! What is finished must not cost anything: how the databases go about claims, and what else is
//! done to all that is unfinished, beside twenty thousand finished jobs.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};

use super::{
    AHEAD, BRING_NEAR, COUNT_PLACES, Jobs, QUOTAS, RESERVED, VOID_JOB_LEASES, VOID_PART_LEASES, WAITING,
    claim_jobs, claim_parts, claim_ready, look_ahead, retry_foreign, retry_jobs, retry_parts, view_jobs,
};

/// The indexes that hold nothing of what is at rest.
const PARTIAL: [&str; 12] = [
    "job_free",
    "job_held",
    "job_foreign",
    "job_unfinished",
    "job_failing",
    "part_free",
    "part_ready",
    "part_held",
    "part_in_flight",
    "part_failing",
    "part_reserved",
    "part_waiting",
];

/// Finished jobs with a part each.
const FINISHED: [&str; 2] = [
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
       INSERT INTO job (job_key, input, state, doc, version, failures, due_at, owner, fence, lease_until, at_rest, \
         created_at, updated_at) SELECT 'done' || i, '{}', 'done', '{}', 9, 0, 1, 'w', 9, 0, 1, i, i FROM n",
    "INSERT INTO part (part_key, job_key, part, attempt, plan, state, doc, version, failures, due_at, owner, fence, \
         lease_until, at_rest, in_flight, updated_at) \
       SELECT job_key || '-p', job_key, 1, 1, '{}', 'resolved', '{}', 9, 0, 1, 'w', 9, 0, 1, 0, 1 FROM job",
];

/// Unfinished ones: some are free, some are held, and each has a part that waits and a part in flight.
const UNFINISHED: [&str; 2] = [
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) \
       INSERT INTO job (job_key, input, state, doc, version, failures, due_at, owner, fence, lease_until, at_rest, \
         created_at, updated_at) \
       SELECT 'open' || i, '{}', 'running', '{}', 2, 0, i, 'w', 2, CASE WHEN i < 20 THEN 500 ELSE 0 END, 0, i, i FROM n",
    "INSERT INTO part (part_key, job_key, part, attempt, plan, state, doc, batch_id, since, version, failures, due_at, \
         owner, fence, lease_until, at_rest, in_flight, updated_at, deployment, tokens, holds_quota) \
       SELECT job_key || kind, job_key, 1, 1, '{}', kind, '{}', batch_id, 1, 2, 0, due_at, 'w', 2, lease_until, 0, \
         in_flight, 1, 'd', 1, in_flight FROM job, (SELECT 'ready' AS kind, NULL AS batch_id, 0 AS in_flight \
         UNION ALL SELECT 'submitted', 'b', 1) AS kinds WHERE at_rest = 0",
];

/// The statements, and examples of what they are asked with.
fn statements(skip: &str, lock: &str) -> [(String, &'static str); 13] {
    let claimed = "'w', 1000, 2000, 16";
    [
        (claim_parts(false, skip), claimed),
        (claim_ready(skip), claimed),
        (claim_jobs(false, skip), claimed),
        (COUNT_PLACES.to_owned(), "1000"),
        (look_ahead(false), "1000, 0"),
        (retry_foreign(lock), "1000, '{}'"),
        (retry_jobs(lock), "1000"),
        (retry_parts(lock), "1000"),
        (view_jobs(Jobs::Unfinished), "50"),
        (RESERVED.to_owned(), "'d', 'p'"),
        (AHEAD.to_owned(), "'d', 'p', 1000"),
        (WAITING.to_owned(), "'d'"),
        (QUOTAS.to_owned(), ""),
    ]
}

#[tokio::test]
async fn sqlite_reads_nothing_that_is_finished() {
    let mut ledger = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    crate::meta::MIGRATIONS.run(&mut ledger).await.unwrap();
    for text in FINISHED.into_iter().chain(UNFINISHED) {
        ledger.execute(text).await.unwrap();
    }
    for analyzed in [false, true] {
        if analyzed {
            ledger.execute("ANALYZE").await.unwrap();
        }
        let opening = BRING_NEAR.into_iter().chain([VOID_JOB_LEASES, VOID_PART_LEASES]).map(str::to_owned);
        for text in statements("", "").into_iter().map(|(text, _)| text).chain(opening) {
            let plan = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}"));
            let steps = ledger.fetch_all(plan).await.unwrap();
            let steps: Vec<String> = steps.iter().map(|step| step.get("detail")).collect();
            let bad: Vec<_> = steps.iter().filter(|step| reads_finished(step)).collect();
            assert!(bad.is_empty(), "{bad:?} in\n{text}\nanalyzed: {analyzed}");
            assert!(steps.iter().any(|step| is_partial(step)), "{steps:?}");
        }
    }
    let steps = ledger.fetch_all("EXPLAIN QUERY PLAN SELECT * FROM job WHERE failures = 7").await.unwrap();
    assert!(reads_finished(steps[0].get("detail")), "this test can fail");
}

fn is_partial(step: &str) -> bool {
    PARTIAL.iter().any(|index| step.contains(&format!("INDEX {index}")))
}

/// Whether a step of SQLite's plan goes through one of the big tables otherwise than by one key or a partial index.
fn reads_finished(step: &str) -> bool {
    let big = matches!(step.split(' ').nth(1), Some("job" | "part"));
    let by_key = step.contains("(job_key=?)") || step.contains("(part_key=?)");
    big && !by_key && !is_partial(step)
}

#[tokio::test]
async fn postgresql_reads_no_table_from_end_to_end() {
    #[expect(clippy::disallowed_methods, reason = "tests are told by the environment where the server is")]
    let (server, required) = (std::env::var("DATABASE_URL"), std::env::var("AOAI_BATCH_REQUIRE_POSTGRES"));
    let Ok(server) = server else {
        assert!(required.is_err(), "DATABASE_URL is not set, and this test must not be skipped here");
        return;
    };
    let mut server = PgConnection::connect(&server).await.unwrap();
    // Never committed, so that nothing is left.
    let mut tx = server.begin().await.unwrap();
    let schema = format!("aob_test_{}", uuid::Uuid::new_v4().simple());
    for text in [format!("CREATE SCHEMA {schema}"), format!("SET LOCAL search_path TO {schema}")] {
        tx.execute(AssertSqlSafe(text)).await.unwrap();
    }
    crate::meta::MIGRATIONS.run(&mut *tx).await.unwrap();
    for text in FINISHED.into_iter().chain(UNFINISHED).chain(["ANALYZE job", "ANALYZE part"]) {
        tx.execute(text).await.unwrap();
    }
    for (number, (text, arguments)) in
        statements("FOR UPDATE SKIP LOCKED", "FOR UPDATE").into_iter().enumerate()
    {
        sqlx::raw_sql(AssertSqlSafe(format!("PREPARE statement{number} AS {text}")))
            .execute(&mut *tx)
            .await
            .unwrap();
        // After some of them, the server may choose one plan for all arguments.
        for _ in 0..8 {
            let call = if arguments.is_empty() { String::new() } else { format!(" ({arguments})") };
            let plan = explain(&mut tx, &format!("EXECUTE statement{number}{call}")).await;
            assert!(!scans(&plan), "{plan}\nof {text}");
            assert!(PARTIAL.iter().any(|index| plan.contains(index)), "{plan}\nof {text}");
        }
    }
    assert!(scans(&explain(&mut tx, "SELECT * FROM job WHERE failures = 7").await), "this test can fail");
}

fn scans(plan: &str) -> bool {
    plan.contains("Seq Scan on job") || plan.contains("Seq Scan on part")
}

async fn explain(server: &mut PgConnection, text: &str) -> String {
    let text = AssertSqlSafe(format!("EXPLAIN {text}"));
    let rows = sqlx::raw_sql(text).fetch_all(server).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>(0)).collect::<Vec<_>>().join("\n")
}
