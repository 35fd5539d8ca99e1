//! Runs a command beside a PostgreSQL server that lives as long.

use std::process::{Command, ExitStatus};

use crate::postgres::Cluster;

/// Runs the command; answers with its exit code.
pub(crate) fn run(command: &[String]) -> Result<u8, String> {
    let command = match command {
        [dashes, command @ ..] if dashes == "--" => command,
        command => command,
    };
    let [program, arguments @ ..] = command else {
        return Err("which command? `cargo xtask pg -- COMMAND...`".to_owned());
    };
    let cluster = Cluster::start()?;
    let mut command = Command::new(program);
    command.args(arguments).env("DATABASE_URL", &cluster.url).env("AOAI_BATCH_REQUIRE_POSTGRES", "1");
    let status = command.status().map_err(|e| format!("{program}: {e}"))?;
    Ok(code(status))
}

/// As a shell tells it: a signal is 128 and its number.
fn code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let signal = None;
    let code = status.code().or(signal.map(|signal: i32| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
