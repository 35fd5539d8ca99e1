//! `cargo xtask faults`: what each fault of the service costs, with the official `openai` client and with ours.
//!
//! Every client meets every fault at an emulator of its own, whose books say what was paid; what is on the disk in the
//! end says what was lost. Whoever fails is run again, as its user would.

use std::{
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use crate::{
    emulator::Emulator,
    kill::{self, http},
    python,
    run::{self, Outcome},
    say,
    scratch::Scratch,
};

mod cases;
mod clients;
mod count;
mod table;

use cases::Case;
use clients::Client;
use count::Cost;

const USAGE: &str = "\
usage: cargo xtask faults [options]
  --markdown FILE     write the table there, too
  --binary FILE       this program instead of a release build
  --only TEXT         only faults whose name contains this";

const REQUIREMENTS: &str = "openai-requirements.txt";
/// A service that is quick, and slow enough to be killed at.
const SETTINGS: &str = r#"[files]
processing = "50ms"

[batches]
validating = "50ms"
in_progress = "600ms"
finalizing = "50ms"
"#;
/// How often a client is run at the most.
const RUNS: usize = 5;
/// A batch that somebody left behind ends within this.
const REST: Duration = Duration::from_secs(20);
const STEP: Duration = Duration::from_millis(50);

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct Options {
    markdown: Option<PathBuf>,
    binary: Option<PathBuf>,
    only: String,
}

impl Options {
    /// Reads the arguments; what to tell the person where they are none of ours.
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().ok_or_else(|| format!("{argument} needs a value\n{USAGE}"));
            match argument.as_str() {
                "--markdown" => options.markdown = Some(value()?.into()),
                "--only" => options.only.clone_from(value()?),
                "--binary" => {
                    let file = value()?;
                    options.binary =
                        Some(PathBuf::from(file).canonicalize().map_err(|e| format!("{file}: {e}"))?);
                }
                _ => return Err(USAGE.to_owned()),
            }
        }
        Ok(options)
    }
}

/// What one fault cost each client.
struct Row {
    name: &'static str,
    costs: Vec<Cost>,
}

pub(crate) fn run(options: &Options) -> Outcome {
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => kill::release()?,
    };
    let python = python::environment("openai", REQUIREMENTS)?;
    let clients = [
        Client::Script { python: python.clone(), note: false },
        Client::Script { python, note: true },
        Client::Ours { binary: binary.clone() },
    ];
    let mut rows = Vec::new();
    for case in cases::all().into_iter().filter(|case| case.name.contains(&options.only)) {
        let costs = all_meet(&binary, &case, &clients)?;
        say::error(&format!("{}: done", case.name));
        rows.push(Row { name: case.name, costs });
    }
    let version = version()?;
    say::line(&table::text(&version, &rows));
    if let Some(path) = &options.markdown {
        std::fs::write(path, table::markdown(&version, &rows))
            .map_err(|e| format!("{}: {e}", path.display()))?;
    }
    let bad: Vec<&str> = rows
        .iter()
        .filter(|row| !row.costs.last().is_some_and(Cost::is_nothing))
        .map(|row| row.name)
        .collect();
    if rows.is_empty() || !bad.is_empty() {
        return Err(format!("ours must cost nothing, and did: {}", bad.join("; ")));
    }
    Ok(())
}

/// All clients meet one fault, side by side: they wait most of the time.
fn all_meet(binary: &Path, case: &Case, clients: &[Client]) -> Result<Vec<Cost>, String> {
    let met = |client| meet(binary, case, client).map_err(|why| format!("{}: {client}: {why}", case.name));
    thread::scope(|scope| {
        let meetings: Vec<_> = clients.iter().map(|client| scope.spawn(move || met(client))).collect();
        let panicked = || Err("the test itself panicked".to_owned());
        meetings.into_iter().map(|meeting| meeting.join().unwrap_or_else(|_| panicked())).collect()
    })
}

/// One client meets one fault.
fn meet(binary: &Path, case: &Case, client: &Client) -> Result<Cost, String> {
    let scratch = Scratch::new("faults")?;
    scratch.write("emulator.toml", SETTINGS)?;
    let settings = scratch.path().join("emulator.toml");
    let settings = settings.to_str().ok_or("the temporary directory has a name that is not UTF-8")?;
    let mut emulator = Emulator::start(binary, &["--settings", settings], &[])?;
    let inputs = cases::inputs();
    for (name, text) in &inputs {
        scratch.write(&format!("input/{name}"), text)?;
    }
    let manage = format!("{}/_emulator", emulator.ready.url);
    if let Some(rule) = &case.rule {
        http::send("POST", &format!("{manage}/faults"), rule.to_string().as_bytes())?;
    }
    client.prepare(&scratch, &emulator.ready)?;

    let mut runs = 0;
    if let Some(crash) = &case.crash {
        client.crash(&scratch, &emulator.ready, case, crash)?;
        runs += 1;
    }
    let mut done = false;
    while !done && runs < RUNS {
        done = client.run(&scratch, &emulator.ready, case)?;
        runs += 1;
    }
    thread::sleep(case.aftermath);
    settle(&manage)?;
    emulator.runs()?;
    struck(&http::json(&format!("{manage}/state"))?)?;
    let books = http::json(&format!("{manage}/books"))?;
    Ok(Cost { runs, done, ..count::cost(&books, &inputs, &client.results(&scratch)?)? })
}

/// A fault that nobody met proves nothing.
fn struck(state: &serde_json::Value) -> Outcome {
    match state["faults"].as_array().into_iter().flatten().find(|fault| fault[1] == 0) {
        Some(fault) => Err(format!("the fault was never met: {fault}")),
        None => Ok(()),
    }
}

/// Waits until all batches have ended: what was begun is paid for, whoever waits for it.
fn settle(manage: &str) -> Outcome {
    let mut left = REST;
    loop {
        let state = http::json(&format!("{manage}/state"))?;
        let runs = |batch: &serde_json::Value| {
            !matches!(batch["status"].as_str(), Some("completed" | "failed" | "expired" | "cancelled"))
        };
        if !state["batches"].as_array().is_some_and(|batches| batches.iter().any(runs)) {
            return Ok(());
        }
        left = left.checked_sub(STEP).ok_or_else(|| format!("a batch never ends: {state}"))?;
        thread::sleep(STEP);
    }
}

/// The official client, as it is pinned.
fn version() -> Result<String, String> {
    let path = run::root().join("xtask").join("python").join(REQUIREMENTS);
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let pinned = text.lines().find_map(|line| line.strip_prefix("openai=="));
    let version = pinned.and_then(|rest| rest.split_whitespace().next());
    version.map(|version| format!("openai {version}")).ok_or_else(|| "openai is not pinned".to_owned())
}

/// Where the script is.
fn script() -> PathBuf {
    run::root().join("xtask").join("python").join("openai_batch.py")
}
