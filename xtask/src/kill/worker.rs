//! One process of the program, and how it ends.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    emulator::WELL_KNOWN_KEY,
    program::{self, now},
    run::{self, Outcome},
};

/// Secrets go by environment, as in everything of ours.
pub(super) const LAKE_KEY_VARIABLE: &str = "AOAI_KILL_LAKE_KEY";
pub(super) const SERVICE_KEY_VARIABLE: &str = "AOAI_KILL_SERVICE_KEY";
/// A process that is refused ends at once.
const REFUSAL: Duration = Duration::from_secs(10);
/// How often a process is looked at.
const STEP: Duration = Duration::from_millis(2);

/// How the program is started in a round.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) binary: PathBuf,
    /// Its configuration is here, and so are its logs.
    pub(super) directory: PathBuf,
    /// The ledger that was lost, whose work is taken over.
    pub(super) adopted: OnceLock<String>,
}

impl Program {
    pub(super) fn new(binary: &Path, directory: &Path) -> Self {
        Self { binary: binary.to_owned(), directory: directory.to_owned(), adopted: OnceLock::new() }
    }

    /// Loses the ledger file, as a container loses its disk; `id` names it to whoever comes next.
    pub(super) fn lose_ledger(&self, id: String) -> Outcome {
        let directory = self.directory.join(".aoai-batch");
        fs::remove_dir_all(&directory).map_err(|e| format!("{}: {e}", directory.display()))?;
        self.adopted.set(id).map_err(|id| format!("the ledger {id} is lost a second time"))
    }

    /// A command of the program, for this round's configuration.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.current_dir(&self.directory).args(arguments);
        command.arg("--config").arg(self.directory.join("aoai-batch.toml")).arg("--json");
        if let (Some(id), Some(&"run")) = (self.adopted.get(), arguments.first()) {
            command.args(["--adopt-ledger", id]);
        }
        command.env(LAKE_KEY_VARIABLE, WELL_KNOWN_KEY).env(SERVICE_KEY_VARIABLE, "not asked for");
        command.env("NO_PROXY", "127.0.0.1,localhost");
        command
    }

    /// Runs a command to its end; one of these must be its exit code.
    pub(super) fn finish(
        &self,
        arguments: &[&str],
        codes: &[i32],
        deadline: Duration,
    ) -> Result<Value, String> {
        let finished = program::run(&mut self.command(arguments), deadline)?;
        if !codes.iter().any(|code| finished.code == Some(*code)) {
            finished.exited(codes[0])?;
        }
        finished.json()
    }

    /// A second process on the same ledger file must be told that it is in use, also where the first one is stopped.
    pub(super) fn is_refused(&self) -> Outcome {
        let finished = program::run(&mut self.command(&["run", "--once"]), REFUSAL)?;
        finished.exited(2).map_err(|why| format!("a second process was not refused: {why}"))?;
        match finished.stdout.contains("works with") {
            true => Ok(()),
            false => Err(format!("a second process was not told why it is refused: {}", finished.stdout)),
        }
    }

    /// What the worker of a place complained of last.
    pub(super) fn last_error(&self, slot: usize) -> Result<String, String> {
        let path = self.directory.join(worker_log(slot));
        let log = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let said = log.lines().rev().find_map(|line| line.strip_prefix("error: "));
        Ok(said.unwrap_or("(it said nothing)").to_owned())
    }

    fn log(&self, name: &str) -> Result<File, String> {
        let path = self.directory.join(name);
        OpenOptions::new()
            .append(true)
            .create(true)
            .open(&path)
            .map_err(|e| format!("{}: {e}", path.display()))
    }
}

/// What a process has said so far.
#[derive(Debug, Default)]
struct Said {
    /// When it first entered a state, of whatever record.
    first: Option<Instant>,
    /// The state that it entered last.
    state: Option<String>,
}

/// A process that works, until it is killed; it ends with us, whatever happens.
pub(super) struct Worker {
    child: Child,
    said: Arc<Mutex<Said>>,
    started: Instant,
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Both fail only where it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Worker {
    pub(super) fn start(program: &Program, slot: usize, mode: &str) -> Result<Self, String> {
        let mut command = program.command(&["run", mode]);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(program.log(&worker_log(slot))?);
        let mut events = program.log(&format!("events-{slot}.jsonl"))?;
        let started = now();
        let child = command.spawn().map_err(|e| format!("{}: {e}", program.binary.display()))?;
        let said = Arc::new(Mutex::new(Said::default()));
        let mut worker = Self { child, said: said.clone(), started };
        let output = worker.child.stdout.take().ok_or("the program has no standard output")?;
        let process = worker.child.id();
        // It reads to the end: a pipe that nobody reads would stop the program.
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                note(&said, &line);
                // A log for people; nothing depends on it.
                let _ = writeln!(events, "{process} {line}");
            }
        });
        Ok(worker)
    }

    /// From the start to the first state that was entered, if there is one.
    pub(super) fn first_progress(&self) -> Option<Duration> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.first.map(|at| at - self.started)
    }

    /// What it did last: the state that it entered, which was committed by then.
    pub(super) fn state(&self) -> String {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.state.clone().unwrap_or_else(|| "(start)".to_owned())
    }

    /// Waits for so long; tells the exit status if it ends by itself.
    pub(super) fn wait(&mut self, time: Duration) -> Result<Option<ExitStatus>, String> {
        self.wait_until(time, |_| false)
    }

    /// Waits for the first state that is entered, at most for so long.
    pub(super) fn wait_for_progress(&mut self, time: Duration) -> Result<Option<ExitStatus>, String> {
        self.wait_until(time, |worker| worker.first_progress().is_some())
    }

    fn wait_until(
        &mut self,
        time: Duration,
        enough: impl Fn(&Self) -> bool,
    ) -> Result<Option<ExitStatus>, String> {
        let start = now();
        loop {
            if let Some(status) = self.child.try_wait().map_err(|e| e.to_string())? {
                return Ok(Some(status));
            }
            let left = time.saturating_sub(start.elapsed());
            if left.is_zero() || enough(self) {
                return Ok(None);
            }
            thread::sleep(STEP.min(left));
        }
    }

    /// `SIGKILL`.
    pub(super) fn kill(mut self) -> Outcome {
        self.child.kill().and_then(|()| self.child.wait()).map(drop).map_err(|e| format!("kill: {e}"))
    }

    /// Stops it where it stands.
    pub(super) fn stop(&self) -> Outcome {
        self.signal("-STOP")
    }

    /// Lets it go on, as if nothing had happened.
    pub(super) fn go_on(&self) -> Outcome {
        self.signal("-CONT")
    }

    fn signal(&self, name: &str) -> Outcome {
        // It may have ended just now: then there is nothing to signal, and its end is seen later.
        let _ = run::output(Command::new("kill").args([name, &self.child.id().to_string()]));
        Ok(())
    }
}

fn worker_log(slot: usize) -> String {
    format!("worker-{slot}.log")
}

fn note(said: &Mutex<Said>, line: &str) {
    let Ok(event) = serde_json::from_str::<Value>(line) else { return };
    let kind = event["event"].as_str().unwrap_or_default();
    let (true, Some(state)) = (matches!(kind, "job" | "part"), event["state"].as_str()) else { return };
    let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
    said.first.get_or_insert_with(now);
    said.state = Some(format!("{kind} {state}"));
}

/// Whether a file or directory is one that a killed writer left: they are known, and counted.
pub(super) fn is_leftover(path: &str) -> bool {
    Path::new(path).iter().any(|segment| segment.to_string_lossy().starts_with(".aoai-tmp-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_read_from_the_events() {
        let said = Mutex::new(Said::default());
        note(&said, "prose");
        note(&said, r#"{"event":"progress","done":1}"#);
        assert!(said.lock().unwrap().first.is_none());
        note(&said, r#"{"event":"job","state":"claimed"}"#);
        note(&said, r#"{"event":"part","state":"creating"}"#);
        let said = said.into_inner().unwrap();
        assert!(said.first.is_some());
        assert_eq!(said.state.as_deref(), Some("part creating"));
    }

    #[test]
    fn leftovers_are_known_by_their_name() {
        assert!(is_leftover("a/.aoai-tmp-1f.jsonl") && is_leftover(".aoai-tmp-x/y"));
        assert!(!is_leftover("a/aoai-tmp-1f.jsonl"));
    }
}
