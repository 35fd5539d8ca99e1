//! SQLite: the conformance suite, and what only a file can get wrong.

use batch_ledger::{Access, SqliteLedger, SqliteOptions};
use batch_orchestrator::ledger::{JobQuery, Ledger, LedgerErrorKind};

use crate::support::input;

fn options(dir: &tempfile::TempDir) -> SqliteOptions {
    SqliteOptions { path: dir.path().join("sub/ledger.db"), access: Access::Work }
}

async fn ledger() -> Option<(SqliteLedger, tempfile::TempDir)> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    Some((SqliteLedger::open(&options(&dir)).await.expect("a new ledger"), dir))
}

batch_orchestrator::ledger_conformance!(ledger);

#[tokio::test]
async fn a_restart_keeps_the_id_and_the_jobs_and_voids_the_leases() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::open(&options(&dir)).await.unwrap();
    let (id, now) = (ledger.id().to_owned(), ledger.now().await.unwrap());
    ledger.discover("account", &[input("a")], now).await.unwrap();
    let request = batch_orchestrator::ledger::ClaimRequest {
        worker: batch_orchestrator::ledger::WorkerId("w".into()),
        limit: 1,
        window: 1,
        admit: true,
        marked: false,
        ttl: std::time::Duration::from_secs(90),
    };
    assert_eq!(ledger.claim(&request).await.unwrap().leases.len(), 1);
    drop(ledger);

    let ledger = SqliteLedger::open(&options(&dir)).await.unwrap();
    assert_eq!(ledger.id(), id);
    assert_eq!(
        ledger.claim(&request).await.unwrap().leases.len(),
        1,
        "no waiting for the lease of a dead process"
    );
}

#[tokio::test]
async fn a_second_process_is_told_who_works_but_may_look() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::open(&options(&dir)).await.unwrap();
    let now = ledger.now().await.unwrap();
    ledger.discover("account", &[input("a")], now).await.unwrap();
    let error = SqliteLedger::open(&options(&dir)).await.unwrap_err();
    assert_eq!(error.kind, LedgerErrorKind::InUse);
    assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
    let reader = SqliteLedger::open(&SqliteOptions { access: Access::Look, ..options(&dir) }).await.unwrap();
    assert_eq!(reader.view(&JobQuery::default()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_decision_is_written_beside_whoever_works() {
    let dir = tempfile::tempdir().unwrap();
    let worker = SqliteLedger::open(&options(&dir)).await.unwrap();
    let desk = SqliteOptions { access: Access::Decide, ..options(&dir) };
    let desk = SqliteLedger::open(&desk).await.unwrap();
    assert_eq!(desk.id(), worker.id());
    let now = desk.now().await.unwrap();
    desk.discover("account", &[input("a")], now).await.unwrap();
    assert_eq!(worker.view(&JobQuery::default()).await.unwrap().len(), 1);
    let nowhere = SqliteOptions { path: dir.path().join("none.db"), access: Access::Decide };
    assert_eq!(SqliteLedger::open(&nowhere).await.unwrap_err().kind, LedgerErrorKind::Unusable);
}

#[tokio::test]
async fn a_damaged_file_is_told_from_a_newer_one() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(&dir);
    std::fs::create_dir_all(options.path.parent().unwrap()).unwrap();
    std::fs::write(&options.path, "this is not a database, however long one looks at it".repeat(100))
        .unwrap();
    let error = SqliteLedger::open(&options).await.unwrap_err();
    assert_eq!(error.kind, LedgerErrorKind::Corrupt, "{error:?}");
    assert!(error.to_string().contains("ledger.db"), "{error}");

    std::fs::remove_file(&options.path).unwrap();
    drop(SqliteLedger::open(&options).await.unwrap());
    let url = format!("sqlite://{}", options.path.display());
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    sqlx::query("UPDATE ledger_meta SET format = 99").execute(&pool).await.unwrap();
    pool.close().await;
    let error = SqliteLedger::open(&options).await.unwrap_err();
    assert_eq!(error.kind, LedgerErrorKind::Newer, "{error:?}");
}

#[tokio::test]
async fn a_place_that_cannot_be_used_is_named() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "").unwrap();
    let path = dir.path().join("file/ledger.db");
    let error = SqliteLedger::open(&SqliteOptions { path, access: Access::Work }).await.unwrap_err();
    assert_eq!(error.kind, LedgerErrorKind::Unusable);
    assert!(error.to_string().contains("file/ledger.db"), "{error}");
}
