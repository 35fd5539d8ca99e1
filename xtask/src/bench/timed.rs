//! Programs of this machine, for comparison.

use std::{
    path::Path,
    process::{Command, Stdio},
};

/// How long a program takes over a file; `None` if it is not on this machine.
#[expect(clippy::disallowed_methods, reason = "a program of this machine is measured")]
pub(super) fn seconds(program: &str, arguments: &[&str], file: &Path) -> Result<Option<f64>, String> {
    let mut command = Command::new(program);
    command.args(arguments).arg(file).stdout(Stdio::null());
    let started = std::time::Instant::now();
    match command.status() {
        Ok(status) if status.success() => Ok(Some(started.elapsed().as_secs_f64())),
        Ok(status) => Err(format!("{program}: {status}")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{program}: {error}")),
    }
}
