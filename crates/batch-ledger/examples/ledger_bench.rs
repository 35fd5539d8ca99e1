//! What a claim costs beside finished jobs, and how fast unfinished ones are taken up again, on SQLite.
//!
//! `cargo run --release -p batch-ledger --example ledger_bench`

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::{path::Path, time::Duration};

use adls_io::{ETag, LakePath, Location};
use batch_ledger::{Access, SqliteLedger, SqliteOptions};
use batch_orchestrator::{
    ledger::{ClaimRequest, JobView, Ledger, LedgerAdmin, WorkerId},
    model::{InputSnapshot, JobKey, JobRecord, JobState, Timestamp},
};
use tokio::time::Instant;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const FINISHED: usize = 1_000_000;
const UNFINISHED: usize = 10_000;
const BLOCK: usize = 20_000;
const CLAIMS: usize = 200;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("ledger.db");
    let ledger = open(&path).await?;
    add(&ledger, UNFINISHED, &JobState::Seen, 0).await?;
    drop(ledger);

    let start = Instant::now();
    let ledger = open(&path).await?;
    let (opened, first) = (start.elapsed(), claim(&ledger, 16).await?);
    let mut resumed = first;
    while resumed < UNFINISHED {
        resumed += claim(&ledger, 1_000).await?;
    }
    println!(
        "{UNFINISHED} unfinished jobs: open in {opened:?}, the first 16 and then all claimed after {:?}",
        start.elapsed()
    );

    let alone = claims(&ledger).await?;
    let start = Instant::now();
    for block in 0..FINISHED / BLOCK {
        let done = JobState::Dropped { reason: "finished".into() };
        add(&ledger, BLOCK, &done, UNFINISHED + CLAIMS + block * BLOCK).await?;
    }
    println!("{FINISHED} finished jobs inserted in {:?}", start.elapsed());
    let beside = claims(&ledger).await?;
    let ratio = beside.as_secs_f64() / alone.as_secs_f64();
    println!(
        "a claim beside {UNFINISHED} leased jobs: {alone:?}; beside {FINISHED} finished ones, too: {beside:?} (ratio {ratio:.2})"
    );
    Ok(())
}

async fn open(path: &Path) -> Result<SqliteLedger> {
    Ok(SqliteLedger::open(&SqliteOptions { path: path.to_owned(), access: Access::Work }).await?)
}

/// Adds jobs in a state, numbered from here on.
async fn add(ledger: &SqliteLedger, count: usize, state: &JobState, from: usize) -> Result<()> {
    let mut views = Vec::with_capacity(count);
    for number in from..from + count {
        let location = Location::new("in", LakePath::parse(&format!("file-{number}.jsonl"))?);
        let due_at = if state.is_at_rest() { Timestamp::NEVER } else { Timestamp(0) };
        let job = JobRecord {
            key: JobKey(format!("{number:024x}")),
            input: InputSnapshot { location, etag: ETag("1".into()), size: 1, modified_ms: 0 },
            state: state.clone(),
            version: 0,
            failures: 0,
            problem: None,
            due_at,
            created_at: Timestamp(1),
            cancel: None,
            updated_at: Timestamp(1),
        };
        views.push(JobView { job, parts: Vec::new() });
    }
    ledger.restore(&views).await?;
    Ok(())
}

async fn claim(ledger: &SqliteLedger, limit: usize) -> Result<usize> {
    let request = ClaimRequest {
        worker: WorkerId("bench".into()),
        limit,
        window: 10,
        admit: true,
        marked: false,
        ttl: Duration::from_hours(1),
    };
    Ok(ledger.claim(&request).await?.leases.len())
}

/// The median of many claims that find one job each.
async fn claims(ledger: &SqliteLedger) -> Result<Duration> {
    let mut times = Vec::with_capacity(CLAIMS);
    let from = usize::try_from(ledger.now().await?.0)?;
    for number in 0..CLAIMS {
        add(ledger, 1, &JobState::Seen, from + number).await?;
        let start = Instant::now();
        claim(ledger, 16).await?;
        times.push(start.elapsed());
    }
    times.sort();
    Ok(times[CLAIMS / 2])
}
