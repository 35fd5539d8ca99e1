//! How fast tables are written: MB of result lines a second, on one core.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark for people"
)]

use std::time::Instant;

use result_tables::{RequestField, TableFormat, TableWriter};
use serde_json::json;

const LINES: usize = 50_000;

fn main() {
    let content =
        "The answer to the question is a text of some length, with \"quotes\", and\nlines. ".repeat(20);
    let answer = json!({"custom_id":"request-1","response":{"status_code":200,"request_id":"r","body":{
        "id":"chatcmpl-1","object":"chat.completion","model":"gpt-4o-mini","choices":[{"index":0,"finish_reason":"stop",
        "message":{"role":"assistant","content":content,"refusal":null}}],
        "usage":{"prompt_tokens":100,"completion_tokens":400,"total_tokens":500}}},"error":null})
    .to_string();
    let request =
        json!({"custom_id":"request-1","body":{"metadata":{"ticket":"T-1"},"messages":[]}}).to_string();
    for format in [
        TableFormat::Csv,
        #[cfg(feature = "parquet")]
        TableFormat::Parquet,
    ] {
        for fields in [Vec::new(), vec!["body.metadata.ticket".parse::<RequestField>().unwrap()]] {
            let joined = !fields.is_empty();
            let started = Instant::now();
            let mut table = TableWriter::new(format, fields, std::io::sink()).unwrap();
            for _ in 0..LINES {
                table.write(answer.as_bytes(), Some(request.as_bytes())).unwrap();
            }
            table.finish().unwrap();
            let megabytes = (LINES * answer.len()) as f64 / 1e6;
            let speed = megabytes / started.elapsed().as_secs_f64();
            println!(
                "{}{}: {speed:.0} MB/s",
                format.extension(),
                if joined { ", with a field of the request" } else { "" }
            );
        }
    }
}
