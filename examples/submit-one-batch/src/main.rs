//! Submit one batch and read its results, with nothing but the client.
//!
//! Run it: `cargo run -p example-submit-one-batch`
//!
//! It talks to the emulator; for the real service, give its endpoint and key instead.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{error::Error, time::Duration};

use aoai_batch_client::{
    BatchApi, BatchClient, BatchClientOptions, BatchStatus, CreateBatch, Credential, FileStatus, JsonLines,
    LineItem, OutputLine, Upload,
};
use aoai_emulator::{Emulator, EmulatorConfig};
use futures::TryStreamExt;

const LINES: &str = r#"{"custom_id":"one","method":"POST","url":"/chat/completions","body":{"model":"my-batch","messages":[{"role":"user","content":"1 + 1?"}]}}
{"custom_id":"two","method":"POST","url":"/chat/completions","body":{"model":"my-batch","messages":[{"role":"user","content":"2 + 2?"}]}}
"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let emulator = Emulator::start(EmulatorConfig::default()).await?;
    let key = Credential::ApiKey("any".to_owned().into());
    let client = BatchClient::new(emulator.url(), key, BatchClientOptions::default())?;

    let file = client.upload_file(Upload::from_bytes("example.jsonl", LINES)).await?;
    while client.get_file(&file.id).await?.status != FileStatus::Processed {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let create = CreateBatch {
        input_file_id: Some(file.id.clone()),
        endpoint: "/chat/completions".into(),
        completion_window: "24h".into(),
        ..CreateBatch::default()
    };
    // One request, whatever happens: if its answer is lost, `error.applied()` says "unknown", and then one looks.
    let mut batch = client.create_batch(&create).await?.batch;
    while !batch.status.is_terminal() {
        tokio::time::sleep(Duration::from_millis(200)).await;
        batch = client.get_batch(&batch.id).await?;
        println!(
            "{}: {} of {} lines",
            batch.status, batch.request_counts.completed, batch.request_counts.total
        );
    }
    assert_eq!(batch.status, BatchStatus::Completed);

    let output = batch.output_file_id.ok_or("no line succeeded")?;
    let mut content = client.file_content(&output, 0).await?;
    let mut lines = JsonLines::new(usize::MAX);
    let mut ids = Vec::new();
    while let Some(chunk) = content.body.try_next().await? {
        lines.push(chunk);
        while let Some(LineItem::Line(line)) = lines.next_line() {
            println!("{}", String::from_utf8_lossy(&line.bytes));
            let line: OutputLine<'_> = serde_json::from_slice(&line.bytes)?;
            assert!(line.is_success());
            ids.push(line.custom_id.into_owned());
        }
    }
    ids.sort();
    assert_eq!(ids, ["one", "two"], "results come in any order: the custom_id tells which is which");
    client.delete_file(&file.id).await?;
    client.delete_file(&output).await?;
    Ok(())
}
