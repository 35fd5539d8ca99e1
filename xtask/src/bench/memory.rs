//! The bench `memory`: a whole run over large files holds little of them, whichever way they go to the service.

use std::{path::PathBuf, process::Command, time::Duration};

use super::{
    Bench, KEY_VARIABLE, curl, progress,
    requests::{self, DEPLOYMENT, Size},
    table::{Row, Target},
};
use crate::{
    emulator::{ACCOUNT, Emulator, WELL_KNOWN_KEY},
    program,
    run::Outcome,
    scratch::Scratch,
};

/// Far more than a run takes; one that hangs must not hang the build.
const DEADLINE: Duration = Duration::from_secs(3600);
/// A run holds a few blocks and an index of the lines for each file it works on, not the files.
const MOST_MIB: f64 = 256.0;
/// A service that has nothing to do but for this program.
const SETTINGS: &str = r#"[lake]
require_auth = false
create_filesystems = ["input", "processed", "error"]

[files]
processing = "50ms"

[batches]
validating = "50ms"
in_progress = "200ms"
finalizing = "50ms"
"#;
/// What the service would be asked for its key with.
const SERVICE_KEY_VARIABLE: &str = "AOAI_BENCH_SERVICE_KEY";

/// One run.
#[derive(Clone, Copy)]
struct Case {
    size: Size,
    transfer: &'static str,
    /// `tokens.count`.
    count: bool,
}

pub(super) fn run(bench: &Bench<'_>) -> Result<Vec<Row>, String> {
    let case = |size, transfer, count| Case { size, transfer, count };
    let mut cases = Vec::new();
    if !bench.options.quick {
        cases.extend(["upload", "import"].map(|transfer| case(Size::FULL, transfer, false)));
    }
    cases.extend(["upload", "import"].map(|transfer| case(Size::SMALL, transfer, false)));
    // Counting costs more than all the rest; what it costs does not depend on the size.
    cases.push(case(Size::SMALL, "upload", true));

    let mut rows = Vec::new();
    let mut inputs: Option<(Size, Inputs)> = None;
    for case in cases {
        // One size after the other: the disk need not hold both.
        let files = match inputs.take() {
            Some((size, files)) if size == case.size => files,
            other => {
                drop(other);
                Inputs::new(case.size)?
            }
        };
        rows.extend(case.run(bench, &files.paths)?);
        inputs = Some((case.size, files));
    }
    Ok(rows)
}

/// The files, as long as they are needed.
struct Inputs {
    paths: Vec<PathBuf>,
    _scratch: Scratch,
}

impl Inputs {
    fn new(size: Size) -> Result<Self, String> {
        progress(&format!("memory: {} are made", size.shown()));
        let scratch = Scratch::new("bench-inputs")?;
        Ok(Self { paths: requests::write(scratch.path(), size)?, _scratch: scratch })
    }
}

impl Case {
    fn shown(self) -> String {
        let counted = if self.count { ", tokens counted" } else { "" };
        format!("{} by {}{counted}", self.size.shown(), self.transfer)
    }

    fn run(self, bench: &Bench<'_>, files: &[PathBuf]) -> Result<Vec<Row>, String> {
        let what = self.shown();
        progress(&format!("memory: {what}"));
        let scratch = Scratch::new("bench-memory")?;
        let mut emulator = bench.emulator(&scratch, SETTINGS)?;
        for path in files {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            curl::publish(&emulator, "input", &name, path)?;
        }
        scratch.write("aoai-batch.toml", &self.config(&emulator))?;
        let mut command = Command::new(&bench.binary);
        command.current_dir(scratch.path()).arg("--config").arg(scratch.path().join("aoai-batch.toml"));
        command.args(["run", "--once", "--json"]);
        command.env(KEY_VARIABLE, WELL_KNOWN_KEY).env(SERVICE_KEY_VARIABLE, "not asked for");
        command.env("NO_PROXY", "127.0.0.1,localhost");
        let finished = program::run(&mut command, DEADLINE)?;
        finished.exited(0)?;
        self.verify(&emulator)?;
        emulator.runs()?;

        let megabytes = (self.size.files * self.size.bytes_of_a_file()) as f64 / 1e6;
        let row = |what: String, unit, ours, target| Row { what, unit, ours, other: None, target };
        let mut rows = vec![
            row(format!("{what}: time"), "s", finished.seconds, None),
            row(format!("{what}: input"), "MB/s", megabytes / finished.seconds, None),
        ];
        rows.extend(finished.peak_rss_kib.map(|kib| {
            row(format!("{what}: memory"), "MiB", kib as f64 / 1024.0, Some(Target::AtMost(MOST_MIB)))
        }));
        Ok(rows)
    }

    fn config(self, emulator: &Emulator) -> String {
        let (service, storage) = (&emulator.ready.url, &emulator.ready.endpoint);
        let Self { transfer, count, .. } = self;
        let place = |filesystem: &str| format!("abfss://{filesystem}@{ACCOUNT}.dfs.core.windows.net/");
        let (input, processed, error) = (place("input"), place("processed"), place("error"));
        format!(
            r#"[service]
endpoint = "{service}"
key_env = "{SERVICE_KEY_VARIABLE}"
deployment = "{DEPLOYMENT}"
transfer = "{transfer}"

[lake]
input = "{input}"
processed = "{processed}"
error = "{error}"
endpoint = "{storage}"
auth = "account_key"
key_env = "{KEY_VARIABLE}"

[run]
poll_interval = "200ms"
settle_time = "0s"

[tokens]
count = {count}

[tokens.deployments]
"{DEPLOYMENT}" = "gpt-4o-mini"
"#
        )
    }

    /// Every line must have its answer in the lake, and no input may be left.
    fn verify(self, emulator: &Emulator) -> Outcome {
        let left = paths(emulator, "input")?;
        if let Some(path) = left.iter().find(|path| path.ends_with(".jsonl")) {
            return Err(format!("input/{path} is still there"));
        }
        let processed = paths(emulator, "processed")?;
        let outputs: Vec<&String> = processed.iter().filter(|path| path.ends_with("_output.jsonl")).collect();
        if outputs.len() != self.size.files {
            return Err(format!("{} files of output, expected {}", outputs.len(), self.size.files));
        }
        for path in outputs {
            let content = curl::get(&format!("{}/processed/{path}", emulator.ready.endpoint))?;
            let lines = content.iter().filter(|&&byte| byte == b'\n').count();
            if lines != self.size.lines {
                return Err(format!("processed/{path} has {lines} lines, expected {}", self.size.lines));
            }
        }
        Ok(())
    }
}

/// Every file of a filesystem.
fn paths(emulator: &Emulator, filesystem: &str) -> Result<Vec<String>, String> {
    let listed = curl::json(&format!("{}/_emulator/lake/{ACCOUNT}/{filesystem}", emulator.ready.url))?;
    let entries = listed.as_array().ok_or_else(|| format!("no list: {listed}"))?;
    let files = entries.iter().filter(|entry| entry["directory"] == false);
    Ok(files.filter_map(|entry| entry["path"].as_str().map(str::to_owned)).collect())
}
