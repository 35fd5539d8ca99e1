//! The clients that meet the faults, as their users run them.

use std::{
    collections::BTreeSet,
    fmt, fs,
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;

use super::cases::{Case, Crash, DEPLOYMENT};
use crate::{
    emulator::Ready,
    kill::http,
    program,
    run::Outcome,
    scratch::{Scratch, files_below},
};

/// Far more than a run takes, the waiting for an answer that never comes included.
const DEADLINE: Duration = Duration::from_secs(180);
const STEP: Duration = Duration::from_millis(5);
const KEY_VARIABLE: &str = "FAULTS_KEY";

/// Who meets a fault.
#[derive(Debug)]
pub(super) enum Client {
    /// A straightforward script over the official client; it may note the ids of its batches.
    Script { python: PathBuf, note: bool },
    /// The release binary.
    Ours { binary: PathBuf },
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Script { note: false, .. } => "openai",
            Self::Script { note: true, .. } => "openai, ids noted",
            Self::Ours { .. } => "aoai-batch",
        })
    }
}

impl Client {
    /// Writes the configuration, where there is one.
    pub(super) fn prepare(&self, scratch: &Scratch, ready: &Ready) -> Outcome {
        match self {
            Self::Script { .. } => Ok(()),
            Self::Ours { .. } => scratch.write("aoai-batch.toml", &config(ready)),
        }
    }

    /// One run to its end; whether it was content.
    pub(super) fn run(&self, scratch: &Scratch, ready: &Ready, case: &Case) -> Result<bool, String> {
        let finished = program::run(&mut self.command(scratch, ready, case), DEADLINE)?;
        Ok(finished.code == Some(0))
    }

    /// One run that is killed when its time has come.
    pub(super) fn crash(&self, scratch: &Scratch, ready: &Ready, case: &Case, crash: &Crash) -> Outcome {
        let mut command = self.command(scratch, ready, case);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|e| format!("{self}: {e}"))?;
        let mut left = DEADLINE;
        let seen = loop {
            let seen =
                http::json(&format!("{}/_emulator/state", ready.url)).map(|state| crash.seen.is_in(&state));
            if !matches!(seen, Ok(false)) {
                break seen.map(drop);
            }
            if let Ok(Some(status)) = child.try_wait() {
                break Err(format!("it ended before it could be killed: {status}"));
            }
            let Some(rest) = left.checked_sub(STEP) else {
                break Err("there was nothing to kill it at".to_owned());
            };
            left = rest;
            thread::sleep(STEP);
        };
        thread::sleep(crash.after);
        let killed = child.kill().and_then(|()| child.wait());
        seen?;
        killed.map(drop).map_err(|e| format!("kill: {e}"))
    }

    /// The `custom_id` of every line that has a result on the disk.
    pub(super) fn results(&self, scratch: &Scratch) -> Result<BTreeSet<String>, String> {
        let places: &[&str] = match self {
            Self::Script { .. } => &["results"],
            Self::Ours { .. } => &["processed", "error"],
        };
        let mut ids = BTreeSet::new();
        for place in places {
            let directory = scratch.path().join(place);
            for file in files_below(&directory)? {
                if !file.ends_with("_output.jsonl") && !file.ends_with("_error.jsonl") {
                    continue;
                }
                let text = fs::read_to_string(directory.join(&file)).map_err(|e| format!("{file}: {e}"))?;
                // A line that is cut is no result.
                let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
                ids.extend(lines.filter_map(|line| line["custom_id"].as_str().map(str::to_owned)));
            }
        }
        Ok(ids)
    }

    fn command(&self, scratch: &Scratch, ready: &Ready, case: &Case) -> Command {
        let mut command = match self {
            Self::Script { python, note } => {
                let mut command = Command::new(python);
                command.arg(super::script()).args(["--base-url", &format!("{}/openai/v1/", ready.url)]);
                command.arg("--inbox").arg(scratch.path().join("input"));
                command.arg("--results").arg(scratch.path().join("results"));
                command.args(note.then_some("--note"));
                if let Some(timeout) = case.timeout {
                    command.args(["--timeout", timeout]);
                }
                // Nothing is left beside the sources.
                command.env("PYTHONDONTWRITEBYTECODE", "1");
                command
            }
            Self::Ours { binary } => {
                let mut command = Command::new(binary);
                command.args(["run", "--once", "--json", "--config"]);
                command.arg(scratch.path().join("aoai-batch.toml"));
                command
            }
        };
        command.current_dir(scratch.path()).env(KEY_VARIABLE, "not asked for");
        command.env("NO_PROXY", "127.0.0.1,localhost").env("no_proxy", "127.0.0.1,localhost");
        command
    }
}

fn config(ready: &Ready) -> String {
    format!(
        r#"[service]
endpoint = "{}"
key_env = "{KEY_VARIABLE}"
deployment = "{DEPLOYMENT}"

[lake]
input = "file:./input"
processed = "file:./processed"
error = "file:./error"

[run]
poll_interval = "200ms"
settle_time = "0s"
list_settle = "1s"

[retry]
initial = "100ms"

[tokens]
count = false
"#,
        ready.url
    )
}
