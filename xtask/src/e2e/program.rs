//! Running a program to its end, or to its deadline.

use std::{
    fs::File,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;

use super::scratch::Scratch;

const STEP: Duration = Duration::from_millis(50);
/// How much of its log is told of a program that failed.
const TAIL_LINES: usize = 30;

/// What a program left.
pub(super) struct Finished {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Ends the program with us, whatever happens.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        // Both fail only where it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a command. Its output goes to files: a pipe that nobody reads would stop it.
pub(super) fn run(command: &mut Command, deadline: Duration) -> Result<Finished, String> {
    let logs = Scratch::new("logs")?;
    let create = |name: &str| File::create(logs.path().join(name)).map_err(|e| format!("{name}: {e}"));
    command.stdin(Stdio::null()).stdout(create("stdout")?).stderr(create("stderr")?);
    for (name, _) in std::env::vars_os() {
        // The scenario's configuration decides, not the shell that runs us.
        if name == "APP_CONFIG" || name.to_string_lossy().starts_with("AOAI_BATCH__") {
            command.env_remove(name);
        }
    }
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = Guard(command.spawn().map_err(|e| format!("{program}: {e}"))?);
    let mut waited = Duration::ZERO;
    let status = loop {
        if let Some(status) = child.0.try_wait().map_err(|e| format!("{program}: {e}"))? {
            break Some(status);
        }
        if waited >= deadline {
            break None;
        }
        thread::sleep(STEP);
        waited += STEP;
    };
    drop(child);
    let read = |name: &str| -> Result<String, String> {
        let bytes = std::fs::read(logs.path().join(name)).map_err(|e| format!("{name}: {e}"))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let finished = Finished {
        code: status.and_then(|status| status.code()),
        stdout: read("stdout")?,
        stderr: read("stderr")?,
    };
    if status.is_none() {
        return Err(format!("{program} was still running after {deadline:?}\n{}", finished.tail()));
    }
    Ok(finished)
}

impl Finished {
    /// The exit code must be this one.
    pub(super) fn exited(&self, code: i32) -> Result<(), String> {
        if self.code == Some(code) {
            return Ok(());
        }
        let found = self.code.map_or_else(|| "a signal".to_owned(), |code| code.to_string());
        Err(format!("exit code {found}, expected {code}\n{}", self.tail()))
    }

    /// With `--json`, standard output is JSON and nothing else; the last value is the answer.
    pub(super) fn json(&self) -> Result<Value, String> {
        let mut last = None;
        for value in serde_json::Deserializer::from_str(&self.stdout).into_iter::<Value>() {
            last = Some(value.map_err(|e| format!("stdout is not JSON: {e}\n{}", self.tail()))?);
        }
        last.ok_or_else(|| format!("nothing on stdout\n{}", self.tail()))
    }

    fn tail(&self) -> String {
        let mut text = String::new();
        for (name, log) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            let lines: Vec<&str> = log.lines().collect();
            for line in &lines[lines.len().saturating_sub(TAIL_LINES)..] {
                text += &format!("{name}: {line}\n");
            }
        }
        text
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_program_is_judged_by_its_code_and_its_output() {
        let finished = run(&mut shell("echo '{\"a\":1}'; echo log >&2; exit 3"), STEP * 200).unwrap();
        assert!(finished.exited(3).is_ok());
        assert!(finished.exited(0).unwrap_err().contains("stderr: log"));
        assert_eq!(finished.json().unwrap()["a"], 1);
    }

    #[test]
    fn prose_is_no_json_and_neither_is_silence() {
        for script in ["echo hello", "echo '{}'; echo hello", "true"] {
            assert!(run(&mut shell(script), STEP * 200).unwrap().json().is_err(), "{script}");
        }
    }

    #[test]
    fn a_program_that_hangs_is_ended() {
        assert!(run(&mut shell("exec sleep 60"), STEP * 4).is_err());
    }
}
