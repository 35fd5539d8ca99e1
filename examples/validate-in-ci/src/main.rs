//! Refuse bad batch files before they are merged: validation as a library call.
//!
//! Run it: `cargo run -p example-validate-in-ci` (or with the name of a file)

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{error::Error, sync::Arc};

use batch_orchestrator::{
    LimitOptions,
    validate::{FindingCode, Rules, Verdict, validate_stream},
};
use bytes::Bytes;
use futures::stream;

const BAD: &str = r#"{"custom_id":"a","method":"POST","url":"/chat/completions","body":{"model":"m","messages":[{"role":"user","content":"Hi"}]}}
{"custom_id":"a","method":"POST","url":"/chat/completions","body":{"model":"m","messages":[{"role":"user","content":"Hi"}]}}
{"custom_id":"c","method":"GET","url":"/chat/completions","body":{"model":"n","messages":[]}}
not json
"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let text = match std::env::args_os().nth(1) {
        Some(file) => std::fs::read(file)?,
        None => BAD.into(),
    };
    let rules = Rules {
        batch_endpoint: "/chat/completions".into(),
        deployment: None,
        set_model: false,
        limits: LimitOptions::default(),
    };
    // Any stream of chunks will do: nothing is read twice, and no file is ever held in memory.
    let chunks =
        stream::iter(text.chunks(4096).map(|chunk| Ok::<_, std::io::Error>(Bytes::copy_from_slice(chunk))));
    match validate_stream(chunks, Arc::new(rules), None).await? {
        Verdict::Valid(plan) => println!("ok: {} lines in {} parts", plan.lines, plan.parts.len()),
        Verdict::Invalid(report) => {
            for finding in &report.findings {
                println!("line {:?}: {}: {}", finding.line, finding.code.as_str(), finding.message);
            }
            assert_eq!(report.counts[&FindingCode::DuplicateCustomId], 1, "the built-in sample has one");
        }
    }
    Ok(())
}
