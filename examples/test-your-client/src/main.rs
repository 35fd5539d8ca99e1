//! Test your own code against a service that loses an answer: was the batch created, and was it paid twice?
//!
//! Run it: `cargo run -p example-test-your-client`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{error::Error, time::Duration};

use aoai_batch_client::{
    Applied, BatchApi, BatchClient, BatchClientOptions, CreateBatch, Credential, Upload,
};
use aoai_emulator::{Emulator, EmulatorConfig, FaultRule};

const LINE: &str = r#"{"custom_id":"1","method":"POST","url":"/chat/completions","body":{"model":"m","messages":[{"role":"user","content":"Hi"}]}}"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // The batch is created, and then the connection is reset before the answer.
    let fault: FaultRule =
        serde_json::from_str(r#"{"match":{"operation":"create_batch"},"effect":"reset_after","times":1}"#)?;
    let emulator =
        Emulator::start(EmulatorConfig { faults: vec![fault], ..EmulatorConfig::default() }).await?;
    let key = Credential::ApiKey("any".to_owned().into());
    let client = BatchClient::new(emulator.url(), key, BatchClientOptions::default())?;

    let file = client.upload_file(Upload::from_bytes("one.jsonl", LINE)).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let create = CreateBatch {
        input_file_id: Some(file.id),
        endpoint: "/chat/completions".into(),
        completion_window: "24h".into(),
        ..CreateBatch::default()
    };
    let error = client.create_batch(&create).await.err().ok_or("the answer was to be lost")?;
    assert_eq!(error.applied(), Applied::Unknown, "so: look before sending again");
    println!("{error}");

    let books = emulator.control().books().await;
    println!("the service has {} batch", books.batches.len());
    assert_eq!(books.batches.len(), 1, "a client that simply tries again would pay twice");
    Ok(())
}
