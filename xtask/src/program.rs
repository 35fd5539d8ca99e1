//! Running a program to its end, or to its deadline.

use std::{
    fs::File,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::scratch::Scratch;

const STEP: Duration = Duration::from_millis(50);
/// How much of its log is told of a program that failed.
const TAIL_LINES: usize = 30;

/// What a program left.
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) seconds: f64,
    /// The most memory it ever held, where the system tells (Linux); looked at every [`STEP`].
    pub(crate) peak_rss_kib: Option<u64>,
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
pub(crate) fn run(command: &mut Command, deadline: Duration) -> Result<Finished, String> {
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
    let (start, mut seconds) = (now(), 0.0);
    let mut peak_rss_kib = None;
    let status = loop {
        // It only grows; nothing is told of a process that has ended.
        peak_rss_kib = peak_rss(child.0.id()).or(peak_rss_kib);
        if let Some(status) = child.0.try_wait().map_err(|e| format!("{program}: {e}"))? {
            seconds = start.elapsed().as_secs_f64();
            break Some(status);
        }
        if start.elapsed() >= deadline {
            break None;
        }
        thread::sleep(STEP);
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
        seconds,
        peak_rss_kib,
    };
    if status.is_none() {
        return Err(format!("{program} was still running after {deadline:?}\n{}", finished.tail()));
    }
    Ok(finished)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the time of another process is measured; there is no tokio here"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

fn peak_rss(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

impl Finished {
    /// The exit code must be this one.
    pub(crate) fn exited(&self, code: i32) -> Result<(), String> {
        if self.code == Some(code) {
            return Ok(());
        }
        let found = self.code.map_or_else(|| "a signal".to_owned(), |code| code.to_string());
        Err(format!("exit code {found}, expected {code}\n{}", self.tail()))
    }

    /// With `--json`, standard output is JSON and nothing else; the last value is the answer.
    pub(crate) fn json(&self) -> Result<Value, String> {
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
    fn time_and_memory_are_measured() {
        let finished = run(&mut shell("sleep 0.2"), STEP * 200).unwrap();
        assert!((0.2..9.0).contains(&finished.seconds), "{}", finished.seconds);
        assert_eq!(finished.peak_rss_kib.is_some_and(|kib| kib > 0), cfg!(target_os = "linux"));
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
