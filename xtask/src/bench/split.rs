//! The bench `split`: one file of 1 GB with 400,000 lines goes in parts, and comes back in one piece and in order.

use std::{
    fs::File,
    io::{BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::Value;

use super::{
    Bench, progress,
    table::{Row, Target},
};
use crate::{emulator::Emulator, program, run::Outcome, scratch::Scratch};

const DEADLINE: Duration = Duration::from_secs(3600);
/// The documented limits of a batch.
const MOST_LINES: u64 = 100_000;
const MOST_BYTES: u64 = 200 << 20;
/// A run holds blocks and an index of the lines of one part, not the file.
const MOST_MIB: f64 = 256.0;
const SERVICE_KEY_VARIABLE: &str = "AOAI_BENCH_SERVICE_KEY";
const SETTINGS: &str = "[files]\nprocessing = \"50ms\"\n[batches]\nvalidating = \"50ms\"\nin_progress = \"200ms\"\n\
                        finalizing = \"50ms\"\n";

pub(super) fn run(bench: &Bench<'_>) -> Result<Vec<Row>, String> {
    let (lines, bytes) = if bench.options.quick { (120_000, 300_000_000) } else { (400_000, 1_000_000_000) };
    progress(&format!("split: a file of {} MB with {lines} lines is made", bytes / 1_000_000));
    let scratch = Scratch::new("bench-split")?;
    let emulator = {
        scratch.write("emulator.toml", SETTINGS)?;
        let file = scratch.path().join("emulator.toml");
        Emulator::start(&bench.binary, &["--settings", &file.to_string_lossy()], &[])?
    };
    let inbox = scratch.path().join("inbox");
    std::fs::create_dir(&inbox).map_err(|e| e.to_string())?;
    write(&inbox.join("big.jsonl"), lines, bytes / lines as usize).map_err(|e| format!("big.jsonl: {e}"))?;
    scratch.write("aoai-batch.toml", &config(&emulator.ready.url))?;

    progress("split: it runs");
    let mut command = Command::new(&bench.binary);
    command.current_dir(scratch.path()).args(["run", "--once", "--json"]);
    command.env(SERVICE_KEY_VARIABLE, "not asked for").env("NO_PROXY", "127.0.0.1,localhost");
    let finished = program::run(&mut command, DEADLINE)?;
    finished.exited(0)?;
    let directory = result_directory(&scratch.path().join("processed"))?;
    in_order(&directory.join("big_output.jsonl"), lines)?;
    let parts = within_limits(&directory.join("manifest.json"))?;

    let row = |what: &str, unit, ours, target| Row { what: what.to_owned(), unit, ours, other: None, target };
    let mut rows = vec![
        row("split: parts", "", parts as f64, None),
        row("split: time, tokens counted", "s", finished.seconds, None),
        row("split: input", "MB/s", bytes as f64 / 1e6 / finished.seconds, None),
    ];
    rows.extend(
        finished
            .peak_rss_kib
            .map(|kib| row("split: memory", "MiB", kib as f64 / 1024.0, Some(Target::AtMost(MOST_MIB)))),
    );
    Ok(rows)
}

/// Requests of this length; no two texts are the same.
fn write(path: &Path, lines: u64, length: usize) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let words = ["a", "river", "of", "small", "stones", "runs", "under", "every", "bridge", "here"];
    for number in 0..lines {
        let mut text = format!("Request {number}.");
        let mut at = number as usize;
        while text.len() + 160 < length {
            text.push(' ');
            text.push_str(words[at % words.len()]);
            at = at.wrapping_mul(7).wrapping_add(number as usize + 3);
        }
        writeln!(
            file,
            r#"{{"custom_id":"request-{number:06}","method":"POST","url":"/chat/completions","body":{{"model":"m","messages":[{{"role":"user","content":"{text}"}}]}}}}"#
        )?;
    }
    file.flush()
}

fn config(service: &str) -> String {
    format!(
        "[service]\nendpoint = \"{service}\"\nkey_env = \"{SERVICE_KEY_VARIABLE}\"\ndeployment = \"m\"\n\
         [lake]\ninput = \"file:./inbox\"\nprocessed = \"file:./processed\"\nerror = \"file:./error\"\n\
         [run]\npoll_interval = \"500ms\"\nsettle_time = \"0s\"\n[tokens]\ndeployments = {{ m = \"gpt-4o-mini\" }}\n"
    )
}

/// The one directory with a manifest.
fn result_directory(processed: &Path) -> Result<PathBuf, String> {
    let entries = std::fs::read_dir(processed).map_err(|e| format!("{}: {e}", processed.display()))?;
    let mut found =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.join("manifest.json").exists());
    found.next().ok_or_else(|| format!("no results in {}", processed.display()))
}

fn in_order(output: &Path, lines: u64) -> Outcome {
    let file = File::open(output).map_err(|e| format!("{}: {e}", output.display()))?;
    let mut count = 0;
    for line in BufReader::new(file).lines() {
        let line = line.map_err(|e| e.to_string())?;
        let line: Value = serde_json::from_str(&line).map_err(|e| format!("line {}: {e}", count + 1))?;
        let expected = format!("request-{count:06}");
        if line["custom_id"] != expected.as_str() {
            return Err(format!(
                "line {} of the output is {}, expected {expected}",
                count + 1,
                line["custom_id"]
            ));
        }
        count += 1;
    }
    if count == lines { Ok(()) } else { Err(format!("the output has {count} lines, expected {lines}")) }
}

/// How many parts there are; each must be within the limits of a batch.
fn within_limits(manifest: &Path) -> Result<usize, String> {
    let text = std::fs::read(manifest).map_err(|e| format!("{}: {e}", manifest.display()))?;
    let manifest: Value = serde_json::from_slice(&text).map_err(|e| e.to_string())?;
    let parts = manifest["parts"].as_array().ok_or("the manifest names no parts")?;
    for part in parts {
        let (lines, bytes) = (part["lines"]["count"].as_u64(), part["range"]["bytes"].as_u64());
        if lines.is_none_or(|lines| lines > MOST_LINES) || bytes.is_none_or(|bytes| bytes > MOST_BYTES) {
            return Err(format!("part {} has {lines:?} lines and {bytes:?} bytes", part["part"]));
        }
    }
    Ok(parts.len())
}
