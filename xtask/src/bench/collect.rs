//! The bench `collect`: 500 MB of results in 100,000 lines are fetched, put in order, stored, published, read back and held
//! against their requests, beside reading that file and picking its ids.

use std::{path::Path, process::Command};

use serde_json::Value;

use super::{
    Bench, median, progress,
    table::{Row, Target},
    timed::seconds,
};
use crate::{run, scratch::Scratch};

const LEAST_MB_PER_SECOND: f64 = 200.0;
const MOST_MIB: f64 = 64.0;
const TURNS: usize = 3;

/// One turn, in MB/s.
#[derive(Default)]
struct Speeds {
    harvest: Vec<f64>,
    publish: Vec<f64>,
    both: Vec<f64>,
    cpu: Vec<f64>,
    cat: Vec<f64>,
    jq: Vec<f64>,
}

pub(super) fn run(bench: &Bench<'_>) -> Result<Vec<Row>, String> {
    let (lines, megabytes) = if bench.options.quick { ("10000", "50") } else { ("100000", "500") };
    let arguments = ["build", "--release", "-p", "batch-orchestrator", "--example", "collect_bench"];
    run::succeed(run::cargo().args(arguments))?;
    let program = bench.example("collect_bench");
    let (mut speeds, mut memory) = (Speeds::default(), None);
    for turn in 1..=TURNS {
        progress(&format!("collect: turn {turn} of {TURNS}, {lines} lines of results, {megabytes} MB"));
        let scratch = Scratch::new("bench-collect")?;
        let output = run::output(Command::new(&program).arg(scratch.path()).args([lines, megabytes]))?;
        let told: Value =
            serde_json::from_slice(&output).map_err(|error| format!("collect_bench: {error}"))?;
        memory = told["peak_rss_kib"].as_f64().or(memory);
        speeds.add(&told, &published(scratch.path())?)?;
    }
    let Speeds { harvest, publish, both, cpu, cat, jq } = speeds;
    let both = median(both);
    let row = |what: &str, ours, other, target| Row { what: what.into(), unit: "MB/s", ours, other, target };
    let mut rows = vec![
        row("collect: fetch, order, store", median(harvest), None, None),
        row("collect: publish, read back, audit", median(publish), None, None),
        row("collect: both", both, None, Some(Target::AtLeast(LEAST_MB_PER_SECOND))),
        row(
            "collect: both, a second of one core",
            median(cpu),
            None,
            Some(Target::AtLeast(LEAST_MB_PER_SECOND)),
        ),
        row("collect: both", both, Some(("cat", median(cat))), None),
    ];
    if !jq.is_empty() {
        rows.push(row("collect: both", both, Some(("jq -c .custom_id", median(jq))), None));
    }
    rows.extend(memory.map(|kib| Row {
        what: "collect: memory".into(),
        unit: "MiB",
        ours: kib / 1024.0,
        other: None,
        target: Some(Target::AtMost(MOST_MIB)),
    }));
    Ok(rows)
}

impl Speeds {
    fn add(&mut self, told: &Value, output: &Path) -> Result<(), String> {
        let number = |stage: &str, what: &str| {
            told[stage][what].as_f64().ok_or_else(|| format!("collect_bench told no {what}: {told}"))
        };
        let size = std::fs::metadata(output).map_err(|error| error.to_string())?.len() as f64 / 1e6;
        let (harvest, publish) = (number("harvest", "seconds")?, number("publish", "seconds")?);
        self.harvest.push(size / harvest);
        self.publish.push(size / publish);
        self.both.push(size / (harvest + publish));
        self.cpu.push(size / (number("harvest", "cpu_seconds")? + number("publish", "cpu_seconds")?));
        self.cat.push(size / seconds("cat", &[], output)?.ok_or("there is no cat")?);
        self.jq.extend(seconds("jq", &["-c", ".custom_id"], output)?.map(|seconds| size / seconds));
        Ok(())
    }
}

/// The one output that was published.
fn published(directory: &Path) -> Result<std::path::PathBuf, String> {
    let processed = directory.join("processed");
    let found = crate::scratch::files_below(&processed)?;
    let output = found.iter().find(|file| file.ends_with("big_output.jsonl"));
    output.map(|file| processed.join(file)).ok_or_else(|| format!("there is no output in {found:?}"))
}
