//! The bench `fleet`: what four workers on one PostgreSQL ledger make of the time that one of them takes.

use std::{process::Command, thread, time::Duration};

use serde_json::{Value, json};

use super::{
    Bench, progress,
    table::{Row, Target},
};
use crate::{
    emulator::Emulator,
    postgres::Cluster,
    program::{self, Finished},
    scratch::Scratch,
};

/// Far more than a run takes; one that hangs must not hang the build.
const DEADLINE: Duration = Duration::from_secs(1800);
const KEY_VARIABLE: &str = "AOAI_BENCH_SERVICE_KEY";
const DEPLOYMENT: &str = "bench-batch";
/// The service takes some three seconds for a batch, however many there are.
const SETTINGS: &str = r#"[files]
processing = "50ms"

[batches]
validating = "200ms"
in_progress = "2500ms"
finalizing = "200ms"
"#;
const WORKERS: usize = 4;
const LINES: usize = 20;
/// Of the time of one worker; a quarter is what cannot be beaten.
const MOST: f64 = 0.30;

pub(super) fn run(bench: &Bench<'_>) -> Result<Vec<Row>, String> {
    let files = if bench.options.quick { 120 } else { 400 };
    let one = seconds(bench, files, 1)?;
    let four = seconds(bench, files, WORKERS)?;
    Ok(vec![Row {
        what: format!("fleet: {files} files by {WORKERS} workers"),
        unit: "s",
        ours: four,
        other: Some(("one worker", one)),
        target: Some(Target::AtMost(MOST)),
    }])
}

/// How long so many workers take, from the start of the first to the end of the last.
fn seconds(bench: &Bench<'_>, files: usize, workers: usize) -> Result<f64, String> {
    progress(&format!("fleet: {files} files, workers: {workers}"));
    let cluster = Cluster::start()?;
    let scratch = Scratch::new("bench-fleet")?;
    let emulator = bench.emulator(&scratch, SETTINGS)?;
    for file in 0..files {
        let lines: String = (0..LINES).map(|line| request(file, line).to_string() + "\n").collect();
        scratch.write(&format!("inbox/{file:04}.jsonl"), &lines)?;
    }
    scratch.write("aoai-batch.toml", &config(&emulator, &cluster))?;
    let run = || {
        let mut command = Command::new(&bench.binary);
        command.current_dir(scratch.path()).args(["run", "--once", "--json", "--quiet"]);
        command.env(KEY_VARIABLE, "not asked for").env("NO_PROXY", "127.0.0.1,localhost");
        program::run(&mut command, DEADLINE)
    };
    let ended: Vec<Result<Finished, String>> = thread::scope(|scope| {
        let started: Vec<_> = (0..workers).map(|_| scope.spawn(run)).collect();
        started
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|_| Err("a worker's thread panicked".to_owned())))
            .collect()
    });
    let (mut completed, mut slowest) = (0, 0.0_f64);
    for finished in ended {
        let finished = finished?;
        finished.exited(0)?;
        completed += finished.json()?["completed"].as_u64().unwrap_or_default();
        slowest = slowest.max(finished.seconds);
    }
    if completed != files as u64 {
        return Err(format!("{completed} files were completed, expected {files}"));
    }
    Ok(slowest)
}

fn request(file: usize, line: usize) -> Value {
    json!({
        "custom_id": format!("{file}-{line}"),
        "method": "POST",
        "url": "/chat/completions",
        "body": { "model": DEPLOYMENT, "messages": [{ "role": "user", "content": "What is the answer?" }] },
    })
}

fn config(emulator: &Emulator, cluster: &Cluster) -> String {
    let (service, ledger) = (&emulator.ready.url, &cluster.url);
    format!(
        r#"[service]
endpoint = "{service}"
key_env = "{KEY_VARIABLE}"
deployment = "{DEPLOYMENT}"

[lake]
input = "file:./inbox"
processed = "file:./processed"
error = "file:./error"

[run]
poll_interval = "500ms"
settle_time = "0s"
max_in_flight = 10

[ledger]
url = "{ledger}"

[tokens]
count = false
"#
    )
}
