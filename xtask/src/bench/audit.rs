//! The bench `audit`: a published result of 500 MB with 100,000 lines is proved complete, beside reading it and picking its ids.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    process::Command,
    time::Duration,
};

use super::{
    Bench, median, progress,
    table::{Row, Target},
    timed::seconds,
};
use crate::{program, run, run::Outcome, scratch::Scratch};

const DEADLINE: Duration = Duration::from_secs(600);
const LEAST_MB_PER_SECOND: f64 = 200.0;
const MOST_MIB: f64 = 64.0;
const TURNS: usize = 3;
const CONFIG: &str = "[service]\nendpoint = \"emulator\"\ndeployment = \"m\"\n[lake]\ninput = \"file:./inbox\"\n\
                      processed = \"file:./processed\"\nerror = \"file:./error\"\n";

pub(super) fn run(bench: &Bench<'_>) -> Result<Vec<Row>, String> {
    let (lines, bytes) = if bench.options.quick { (10_000, 50_000_000) } else { (100_000, 500_000_000) };
    progress(&format!("audit: a result of {} MB with {lines} lines is made", bytes / 1_000_000));
    let scratch = Scratch::new("bench-audit")?;
    scratch.write("aoai-batch.toml", CONFIG)?;
    let directory = scratch.path().join("processed/big_2026-01-01_00_00_00");
    for made in [&scratch.path().join("inbox"), &directory] {
        std::fs::create_dir_all(made).map_err(|e| e.to_string())?;
    }
    publish(&directory, lines, bytes / lines as usize)?;
    let output = directory.join("big_output.jsonl");
    let size = std::fs::metadata(&output).map_err(|e| e.to_string())?.len() as f64 / 1e6;

    progress("audit: it is proved, and read by others");
    let (mut ours, mut cat, mut jq, mut memory) = (Vec::new(), Vec::new(), Vec::new(), None);
    for _ in 0..TURNS {
        let mut command = Command::new(&bench.binary);
        command.current_dir(scratch.path()).args(["audit", "--json"]);
        let finished = program::run(&mut command, DEADLINE)?;
        finished.exited(0)?;
        ours.push(size / finished.seconds);
        memory = finished.peak_rss_kib.max(memory);
        cat.push(size / seconds("cat", &[], &output)?.ok_or("there is no cat")?);
        jq.extend(seconds("jq", &["-c", ".custom_id"], &output)?.map(|seconds| size / seconds));
    }
    let row =
        |other, target| Row { what: "audit".into(), unit: "MB/s", ours: median(ours.clone()), other, target };
    let mut rows =
        vec![row(None, Some(Target::AtLeast(LEAST_MB_PER_SECOND))), row(Some(("cat", median(cat))), None)];
    if !jq.is_empty() {
        rows.push(row(Some(("jq -c .custom_id", median(jq))), None));
    }
    rows.extend(memory.map(|kib| Row {
        what: "audit: memory".into(),
        unit: "MiB",
        ours: kib as f64 / 1024.0,
        other: None,
        target: Some(Target::AtMost(MOST_MIB)),
    }));
    Ok(rows)
}

/// What the pipeline would have published.
fn publish(directory: &Path, lines: u64, length: usize) -> Outcome {
    let made = |error: std::io::Error| format!("{}: {error}", directory.display());
    let (input, output) = (directory.join("big.jsonl"), directory.join("big_output.jsonl"));
    write(&input, &output, lines, length).map_err(made)?;
    let size = |path: &Path| std::fs::metadata(path).map(|found| found.len()).map_err(made);
    let manifest = serde_json::json!({
        "format": 1, "job": "bench", "outcome": "completed",
        "input": {
            "path": "input/big.jsonl", "bytes": size(&input)?, "lines": lines, "sha256": sha256(&input)?,
            "raw": { "state": "archived", "path": "processed/big_2026-01-01_00_00_00/big.jsonl" },
        },
        "counts": { "lines": lines, "output": lines, "error": 0 },
        "artifacts": [{
            "path": "processed/big_2026-01-01_00_00_00/big_output.jsonl",
            "bytes": size(&output)?, "lines": lines, "sha256": sha256(&output)?,
        }],
    });
    std::fs::write(directory.join("manifest.json"), manifest.to_string()).map_err(made)
}

fn write(input: &Path, output: &Path, lines: u64, length: usize) -> std::io::Result<()> {
    let (mut input, mut output) =
        (BufWriter::new(File::create(input)?), BufWriter::new(File::create(output)?));
    let sentence = r#"A \"large\" answer,\nof several lines, as models like to give them. "#;
    let content = sentence.repeat(length.saturating_sub(330) / sentence.len());
    for number in 0..lines {
        let id = format!("request-{number:06}");
        writeln!(
            input,
            r#"{{"custom_id":"{id}","method":"POST","url":"/chat/completions","body":{{"model":"m","messages":[{{"role":"user","content":"{number}?"}}]}}}}"#
        )?;
        writeln!(
            output,
            r#"{{"custom_id":"{id}","response":{{"body":{{"choices":[{{"finish_reason":"stop","index":0,"message":{{"content":"{content}","role":"assistant"}}}}],"created":1,"id":"chatcmpl-{number}","model":"m","object":"chat.completion","usage":{{"completion_tokens":900,"prompt_tokens":9,"total_tokens":909}}}},"request_id":"{number}","status_code":200}},"error":null}}"#
        )?;
    }
    input.flush()?;
    output.flush()
}

fn sha256(file: &Path) -> Result<String, String> {
    let output = run::output(Command::new("sha256sum").arg(file))?;
    let text = String::from_utf8_lossy(&output);
    text.split(' ').next().map(str::to_owned).ok_or_else(|| format!("sha256sum said {text}"))
}
