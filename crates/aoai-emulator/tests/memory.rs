//! Bodies live on disk, not in memory. A binary of its own, as other tests in the process would be measured too.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that panics has failed, helpers included")]

#[expect(dead_code, reason = "shared with the other tests, which use more of it")]
#[path = "it/support.rs"]
mod support;

use futures::stream;
use reqwest::{
    Body,
    multipart::{Form, Part},
};

use support::{frozen, line, start, value};

/// The most memory this process ever had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_large_file_goes_in_and_out_in_pieces() {
    const LINES: usize = 2_000;
    let service = start(frozen()).await;
    let before = peak();
    let long = "x".repeat(50_000);
    let text = (0..LINES).map(move |number| {
        let line = line(&format!("line-{number}")).replace("say", &long) + "\n";
        Ok::<_, std::io::Error>(line.into_bytes())
    });
    let part = Part::stream(Body::wrap_stream(stream::iter(text))).file_name("in.jsonl");
    let part = part.mime_str("application/json").unwrap();
    let form = Form::new().text("purpose", "batch").part("file", part);
    let file = value(service.http.post(service.v1("files")).multipart(form).send().await.unwrap()).await;
    let bytes = file["bytes"].as_u64().unwrap();
    assert!(bytes > 100_000_000, "{bytes}");
    service.advance(1);
    let batch = value(service.create_raw(file["id"].as_str().unwrap()).await).await;
    service.advance(3_600);
    let batch = service.until(batch["id"].as_str().unwrap(), "completed").await;
    assert_eq!(batch["request_counts"]["completed"], LINES);
    let url = service.v1(&format!("files/{}/content", file["id"].as_str().unwrap()));
    let mut answer = service.http.get(url).send().await.unwrap();
    let mut read = 0;
    while let Some(chunk) = answer.chunk().await.unwrap() {
        read += chunk.len() as u64;
    }
    assert_eq!(read, bytes);
    let grown = peak() - before;
    assert!(grown < 48 * 1024, "grew by {grown} KiB");
}
