//! The whole pipeline inside a program of your own: local lake, SQLite ledger, emulator.
//!
//! Run it: `cargo run -p example-pipeline-in-your-service`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{error::Error, sync::Arc, time::Duration};

use adls_io::{DataLake, LakePath, LocalLake, Location};
use aoai_batch_client::{BatchClient, BatchClientOptions, Credential};
use aoai_emulator::{Emulator, EmulatorConfig};
use batch_ledger::{Access, SqliteLedger, SqliteOptions};
use batch_orchestrator::{
    CostOptions, Event, LakeOptions, LimitOptions, Observer, OutputOptions, Pipeline, PipelineOptions,
    RunOptions, ServiceOptions, Stop,
    ledger::WorkerId,
    machine::{AttemptOptions, RetryOptions},
};
use token_estimator::{EstimatorOptions, TiktokenEstimator};

/// Is told everything that happens; here it prints the states of the jobs.
struct Print;

impl Observer for Print {
    fn event(&self, event: &Event<'_>) {
        if let Event::Job(job) = event {
            println!("{}: {}", job.input.location, job.state.name());
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let lake = LocalLake::new(["in", "out", "err"].map(|name| (name, dir.path().join(name))));
    for filesystem in ["in", "out", "err"] {
        lake.ensure_filesystem(filesystem).await?;
    }
    let line = |id: u32| {
        format!(
            r#"{{"custom_id":"{id}","method":"POST","url":"/chat/completions","body":{{"model":"my-batch","messages":[{{"role":"user","content":"Hi"}}]}}}}"#
        ) + "\n"
    };
    std::fs::write(dir.path().join("in/hello.jsonl"), (0..100).map(line).collect::<String>())?;

    let emulator = Emulator::start(EmulatorConfig::default()).await?;
    let key = Credential::ApiKey("any".to_owned().into());
    let client = BatchClient::new(emulator.url(), key, BatchClientOptions::default())?;
    let ledger =
        SqliteLedger::open(&SqliteOptions { path: dir.path().join("ledger.db"), access: Access::Work })
            .await?;
    let root = |filesystem: &str| Location::new(filesystem, LakePath::root());
    let options = PipelineOptions {
        lake: LakeOptions {
            account: "example".into(),
            input: root("in"),
            processed: root("out"),
            error: root("err"),
            include: vec!["**/*.jsonl".into()],
            recursive: true,
        },
        service: ServiceOptions {
            name: "example".into(),
            deployment: Some("my-batch".into()),
            // How many tokens may be enqueued there at once: more wait for their turn.
            enqueued_tokens: Some(200_000_000),
            ..ServiceOptions::default()
        },
        run: RunOptions {
            settle_time: Duration::ZERO,
            poll_interval: Duration::from_millis(200),
            ..RunOptions::default()
        },
        limits: LimitOptions::default(),
        output: OutputOptions::default(),
        cost: CostOptions::default(),
        retry: RetryOptions::default(),
        attempts: AttemptOptions::default(),
    };
    let estimator = Arc::new(TiktokenEstimator::new(EstimatorOptions::default()));
    let worker = WorkerId("example".into());
    let pipeline =
        Pipeline::new(Arc::new(lake), Arc::new(client), Some(estimator), Arc::new(ledger), worker, options);

    // Send `true` to end the run after the step at hand; the next run goes on from there.
    let (_ask_to_stop, stop) = Stop::new();
    let report = pipeline.run(Arc::new(Print), stop).await?;
    assert_eq!((report.completed, report.output_lines, report.error_lines), (1, 100, 0));
    println!("{} lines, {} prompt tokens", report.output_lines, report.prompt_tokens);
    Ok(())
}
