//! `cargo xtask python`: the official Python client against the emulator's Data Lake endpoint.
//!
//! The client and all it needs are pinned in `xtask/python/requirements.txt`. They are installed into a virtual
//! environment below the target directory, once for each version of that file.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::{
    run::{self, Outcome},
    say,
};

const ACCOUNT: &str = "devstoreaccount1";
/// The key that everybody knows, of the account that every storage emulator has.
const WELL_KNOWN_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
/// Secrets go by environment, as in everything of ours.
const KEY_VARIABLE: &str = "AOAI_CONFORMANCE_KEY";
const TOKEN_VARIABLE: &str = "AOAI_CONFORMANCE_TOKEN";

/// Good for nothing but this run's own emulator on this machine.
const TOKEN: &str = "conformance-token";
const EMULATOR: [&str; 8] =
    ["emulator", "--quiet", "--port", "0", "--tls-port", "0", "--token-env", TOKEN_VARIABLE];
/// It starts in well under a second.
const START_DEADLINE: Duration = Duration::from_secs(60);
/// The file in the virtual environment that says what is installed in it.
const STAMP: &str = "installed.txt";

/// What the emulator says of itself when it is ready.
#[derive(Debug, PartialEq)]
struct Ready {
    endpoint: String,
    tls: Option<Tls>,
}

/// Bearer tokens are only sent over TLS.
#[derive(Debug, PartialEq)]
struct Tls {
    endpoint: String,
    /// The certificate to trust, a file.
    ca: String,
}

/// A running emulator, which ends with us, whatever happens.
struct Emulator {
    process: Child,
    ready: Ready,
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // Both fail only where it has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) fn run() -> Outcome {
    let directory = run::root().join("xtask").join("python");
    run::succeed(run::cargo().args(["build", "-p", "aoai-batch-cli"]))?;
    let metadata = run::metadata()?;
    let target = metadata["target_directory"].as_str().ok_or("cargo metadata names no target directory")?;
    let target = Path::new(target);
    let binary = target.join("debug").join(format!("aoai-batch{}", std::env::consts::EXE_SUFFIX));
    let python = installed(&target.join("xtask-python"), &directory.join("requirements.txt"))?;

    let mut emulator = Emulator::start(&binary)?;
    say::line(&format!("checking {}", emulator.ready.endpoint));
    let outcome = run::succeed(&mut script(&python, &directory, &emulator.ready));
    match emulator.process.try_wait() {
        Ok(Some(status)) => Err(format!("the emulator ended before it was told to: {status}")),
        _ => outcome.map_err(|why| format!("the official client is not content: {why}")),
    }
}

/// The command that runs the checks.
fn script(python: &Path, directory: &Path, ready: &Ready) -> Command {
    let mut command = Command::new(python);
    command.arg(directory.join("datalake_conformance.py"));
    command.args([
        "--endpoint",
        &ready.endpoint,
        "--account",
        ACCOUNT,
        "--key-env",
        KEY_VARIABLE,
        "--no-skip",
    ]);
    command.env(KEY_VARIABLE, WELL_KNOWN_KEY);
    if let Some(tls) = &ready.tls {
        command.args(["--tls-endpoint", &tls.endpoint, "--ca", &tls.ca, "--token-env", TOKEN_VARIABLE]);
        command.env(TOKEN_VARIABLE, TOKEN);
    }
    // The client honours proxies, for this machine too.
    command.env("NO_PROXY", "127.0.0.1,localhost").env("no_proxy", "127.0.0.1,localhost");
    // Nothing is left beside the sources.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// The interpreter of a virtual environment that has what the requirements say.
fn installed(environment: &Path, requirements: &Path) -> Result<PathBuf, String> {
    let wanted = fs::read_to_string(requirements).map_err(|e| format!("{}: {e}", requirements.display()))?;
    let python = if cfg!(windows) {
        environment.join("Scripts").join("python.exe")
    } else {
        environment.join("bin").join("python")
    };
    let stamp = environment.join(STAMP);
    // A virtual environment does not outlive the interpreter it was made with.
    let good = fs::read_to_string(&stamp).is_ok_and(|found| found == wanted)
        && run::output(Command::new(&python).args(["-c", "import azure.storage.filedatalake"])).is_ok();
    if good {
        return Ok(python);
    }
    let system = interpreter()?;
    say::line(&format!("installing the official client into {}", environment.display()));
    run::output(Command::new(&system).args(["-m", "venv", "--clear"]).arg(environment))?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r"]);
    run::output(pip.arg(requirements)).map_err(|why| {
        format!(
            "the pinned client cannot be installed; it comes from PyPI, or where pip's settings say: {why}"
        )
    })?;
    fs::write(&stamp, wanted).map_err(|e| format!("{}: {e}", stamp.display()))?;
    Ok(python)
}

/// The system's Python, if it is new enough and can make virtual environments. `PYTHON` names another.
fn interpreter() -> Result<PathBuf, String> {
    let usual = if cfg!(windows) { "python" } else { "python3" };
    let python = PathBuf::from(std::env::var_os("PYTHON").unwrap_or_else(|| usual.into()));
    let asked = |code: &str| run::output(Command::new(&python).args(["-c", code]));
    let name = python.display();
    asked("").map_err(|why| {
        format!("Python 3.10 or newer is needed; install it, or name it in the variable PYTHON: {why}")
    })?;
    asked("import sys; sys.exit(sys.version_info < (3, 10))").map_err(|_| {
        format!("{name} is too old: Python 3.10 or newer is needed (see the variable PYTHON)")
    })?;
    asked("import ensurepip, venv").map_err(|_| {
        format!(
            "{name} cannot make virtual environments: install python3-venv (Debian, Ubuntu), or what has `venv` and \
             `ensurepip` elsewhere"
        )
    })?;
    Ok(python)
}

impl Emulator {
    /// Starts it and waits for its ready line.
    fn start(binary: &Path) -> Result<Self, String> {
        let mut command = Command::new(binary);
        command.args(EMULATOR).env(TOKEN_VARIABLE, TOKEN).stdin(Stdio::null()).stdout(Stdio::piped());
        let process = command.spawn().map_err(|e| format!("{}: {e}", binary.display()))?;
        // From here on the process is guarded.
        let nothing = Ready { endpoint: String::new(), tls: None };
        let mut emulator = Self { process, ready: nothing };
        let output = emulator.process.stdout.take().ok_or("the emulator has no standard output")?;
        let (sender, receiver) = mpsc::channel();
        // It reads to the end: a pipe that nobody reads would stop the emulator.
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let line = receiver
            .recv_timeout(START_DEADLINE)
            .map_err(|_| format!("`{} {}` did not get ready", binary.display(), EMULATOR.join(" ")))?;
        emulator.ready = Ready::parse(&line)?;
        Ok(emulator)
    }
}

impl Ready {
    /// Reads the ready line. Where it says nothing of storage, that is as with every storage emulator: the account's
    /// name is the first segment of the path.
    fn parse(line: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("the emulator's ready line {why}: {line}");
        let value: Value = serde_json::from_str(line).map_err(|_| wrong("is not JSON"))?;
        if value["ready"] != true {
            return Err(wrong("does not say that it is ready"));
        }
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let endpoint = match text("/storage/url") {
            Some(url) => url,
            None => {
                let url = text("/url").ok_or_else(|| wrong("has no URL"))?;
                format!("{}/{ACCOUNT}", url.trim_end_matches('/'))
            }
        };
        let tls = match text("/storage/tls_url") {
            None => None,
            Some(endpoint) => Some(Tls {
                endpoint,
                ca: text("/tls/ca_file").ok_or_else(|| wrong("has TLS and no certificate to trust"))?,
            }),
        };
        Ok(Self { endpoint, tls })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_ready_line_has_the_usual_account() {
        let ready = Ready::parse(r#"{"ready":true,"url":"http://127.0.0.1:5/","port":5}"#).unwrap();
        assert_eq!(ready.endpoint, "http://127.0.0.1:5/devstoreaccount1");
        assert_eq!(ready.tls, None);
    }

    #[test]
    fn a_ready_line_may_say_more() {
        let line = r#"{"ready":true,"url":"http://h:5","storage":{"url":"http://h:6/a","tls_url":"https://h:7/a"},
            "tls":{"url":"https://h:7","ca_file":"/tmp/ca.pem"}}"#;
        let ready = Ready::parse(line).unwrap();
        assert_eq!(ready.endpoint, "http://h:6/a");
        let tls = ready.tls.unwrap();
        assert_eq!((tls.endpoint.as_str(), tls.ca.as_str()), ("https://h:7/a", "/tmp/ca.pem"));
    }

    #[test]
    fn other_lines_are_not_ready() {
        let tls_alone = r#"{"ready":true,"url":"http://h","storage":{"tls_url":"https://h"}}"#;
        for line in ["", "hello", "{}", r#"{"ready":false,"url":"x"}"#, r#"{"ready":true}"#, tls_alone] {
            assert!(Ready::parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn secrets_are_not_in_the_arguments() {
        let tls = Tls { endpoint: "https://h".into(), ca: "ca".into() };
        let ready = Ready { endpoint: "http://h".into(), tls: Some(tls) };
        let command = script(Path::new("python"), Path::new("."), &ready);
        let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
        assert!(arguments.contains(&"--token-env".into()) && arguments.contains(&KEY_VARIABLE.into()));
        let is_secret = |argument: &str| argument.contains(TOKEN) || argument.contains(WELL_KNOWN_KEY);
        assert!(!arguments.iter().any(|argument| is_secret(argument)), "{arguments:?}");
    }
}
