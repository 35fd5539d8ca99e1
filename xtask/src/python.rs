//! `cargo xtask python`: the official Python client against the emulator's Data Lake endpoint.
//!
//! The client and all it needs are pinned in `xtask/python/requirements.txt`. They are installed into a virtual
//! environment below the target directory, once for each version of that file; other tasks have environments of their own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    emulator::{ACCOUNT, Emulator, Ready, WELL_KNOWN_KEY},
    run::{self, Outcome},
    say,
};

/// Secrets go by environment, as in everything of ours.
const KEY_VARIABLE: &str = "AOAI_CONFORMANCE_KEY";
const TOKEN_VARIABLE: &str = "AOAI_CONFORMANCE_TOKEN";

/// Good for nothing but this run's own emulator on this machine.
const TOKEN: &str = "conformance-token";
const EMULATOR: [&str; 4] = ["--tls-port", "0", "--token-env", TOKEN_VARIABLE];
/// The file in the virtual environment that says what is installed in it.
const STAMP: &str = "installed.txt";

pub(crate) fn run() -> Outcome {
    let directory = run::root().join("xtask").join("python");
    run::succeed(run::cargo().args(["build", "-p", "aoai-batch-cli"]))?;
    let binary = target()?.join("debug").join(format!("aoai-batch{}", std::env::consts::EXE_SUFFIX));
    let python = environment("azure.storage.filedatalake", "requirements.txt")?;

    let mut emulator = Emulator::start(&binary, &EMULATOR, &[(TOKEN_VARIABLE, TOKEN)])?;
    say::line(&format!("checking {}", emulator.ready.endpoint));
    let outcome = run::succeed(&mut script(&python, &directory, &emulator.ready));
    emulator.runs()?;
    outcome.map_err(|why| format!("the official client is not content: {why}"))
}

/// The interpreter of a virtual environment of its own that has this module, as these requirements pin it.
pub(crate) fn environment(module: &str, requirements: &str) -> Result<PathBuf, String> {
    let directory = match requirements.strip_suffix("-requirements.txt") {
        Some(name) => format!("xtask-python-{name}"),
        None => "xtask-python".to_owned(),
    };
    let requirements = run::root().join("xtask").join("python").join(requirements);
    installed(&target()?.join(directory), &requirements, module)
}

fn target() -> Result<PathBuf, String> {
    let metadata = run::metadata()?;
    let target = metadata["target_directory"].as_str().ok_or("cargo metadata names no target directory")?;
    Ok(PathBuf::from(target))
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
fn installed(environment: &Path, requirements: &Path, module: &str) -> Result<PathBuf, String> {
    let wanted = fs::read_to_string(requirements).map_err(|e| format!("{}: {e}", requirements.display()))?;
    let python = if cfg!(windows) {
        environment.join("Scripts").join("python.exe")
    } else {
        environment.join("bin").join("python")
    };
    let stamp = environment.join(STAMP);
    // A virtual environment does not outlive the interpreter it was made with.
    let good = fs::read_to_string(&stamp).is_ok_and(|found| found == wanted)
        && run::output(Command::new(&python).args(["-c", &format!("import {module}")])).is_ok();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_in_the_arguments() {
        let tls = crate::emulator::Tls { endpoint: "https://h".into(), ca: "ca".into() };
        let ready = Ready { url: "http://h".into(), endpoint: "http://h/a".into(), tls: Some(tls) };
        let command = script(Path::new("python"), Path::new("."), &ready);
        let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
        assert!(arguments.contains(&"--token-env".into()) && arguments.contains(&KEY_VARIABLE.into()));
        let is_secret = |argument: &str| argument.contains(TOKEN) || argument.contains(WELL_KNOWN_KEY);
        assert!(!arguments.iter().any(|argument| is_secret(argument)), "{arguments:?}");
    }
}
