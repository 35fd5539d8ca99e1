//! `curl`, the measure of what this machine can do over HTTP. Times are its own, without the start of the process.

use std::{path::Path, process::Command};

use serde_json::Value;

use super::FILESYSTEM;
use crate::{
    emulator::Emulator,
    run::{self, Outcome},
};

const NOWHERE: &str = if cfg!(windows) { "NUL" } else { "/dev/null" };
/// A transfer that hangs must not hang the build.
const DEADLINE_SECONDS: &str = "600";

/// It must be there.
pub(super) fn check() -> Outcome {
    run::output(Command::new("curl").arg("--version")).map_err(|why| format!("curl is needed: {why}"))?;
    Ok(())
}

/// A command of one transfer after the other, over one connection.
struct Curl {
    command: Command,
    transfers: usize,
}

impl Curl {
    fn new() -> Self {
        let mut command = Command::new("curl");
        // Nothing of the person's own configuration.
        command.args(["--disable", "--fail-early", "--noproxy", "*"]);
        Self { command, transfers: 0 }
    }

    /// Adds a transfer; the answer's body goes nowhere.
    fn transfer(&mut self, method: &str, url: &str) -> &mut Command {
        if self.transfers > 0 {
            self.command.arg("--next");
        }
        self.transfers += 1;
        self.command.args(["--silent", "--show-error", "--fail", "--max-time", DEADLINE_SECONDS]);
        self.command.args(["--output", NOWHERE, "--write-out", "%{time_total}\\n"]);
        self.command.args(["--request", method, "--url", url])
    }

    /// Adds what makes the content of the other name visible.
    fn commit(&mut self, base: &str, filesystem: &str, path: &str, bytes: u64) {
        self.transfer("PATCH", &format!("{base}/.curl-tmp?action=flush&position={bytes}"))
            .args(["--header", "Content-Length: 0"]);
        self.transfer("PUT", &format!("{base}/{path}"))
            .args(["--header", &format!("x-ms-rename-source: /{filesystem}/.curl-tmp")]);
    }

    /// Seconds of all transfers together.
    fn run(mut self) -> Result<f64, String> {
        let output = run::output(&mut self.command)?;
        let text = String::from_utf8_lossy(&output);
        let times: Result<Vec<f64>, _> = text.lines().map(str::parse).collect();
        match times {
            Ok(times) if times.len() == self.transfers => Ok(times.iter().sum()),
            _ => Err(format!("curl told no times: {text}")),
        }
    }
}

/// Reads a file to nowhere.
pub(super) fn read(emulator: &Emulator, path: &str) -> Result<f64, String> {
    let mut curl = Curl::new();
    curl.transfer("GET", &format!("{}/{FILESYSTEM}/{path}", emulator.ready.endpoint));
    curl.run()
}

/// Writes a file as our client does: under another name first, which is then renamed. All content goes in one request.
pub(super) fn publish(
    emulator: &Emulator,
    filesystem: &str,
    path: &str,
    source: &Path,
) -> Result<f64, String> {
    let bytes = source.metadata().map_err(|e| format!("{}: {e}", source.display()))?.len();
    let base = format!("{}/{filesystem}", emulator.ready.endpoint);
    let mut curl = Curl::new();
    curl.transfer("PUT", &format!("{base}/.curl-tmp?resource=file"));
    let append = curl.transfer("PATCH", &format!("{base}/.curl-tmp?action=append&position=0"));
    // Without the answer 100 there is one round trip less.
    append.args(["--header", "Expect:", "--upload-file"]).arg(source);
    curl.commit(&base, filesystem, path, bytes);
    curl.run()
}

/// The same with an append for each block, one after the other; all blocks have this file's content.
pub(super) fn publish_blocks(
    emulator: &Emulator,
    path: &str,
    block: &Path,
    block_bytes: u64,
    blocks: u64,
) -> Result<f64, String> {
    let base = format!("{}/{FILESYSTEM}", emulator.ready.endpoint);
    let (bytes, last) = (blocks * block_bytes, blocks.saturating_sub(1) * block_bytes);
    let mut curl = Curl::new();
    curl.transfer("PUT", &format!("{base}/.curl-tmp?resource=file"));
    for position in (0..=last).step_by(usize::try_from(block_bytes).unwrap_or(usize::MAX)) {
        let append = curl.transfer("PATCH", &format!("{base}/.curl-tmp?action=append&position={position}"));
        append.args(["--header", "Expect:", "--upload-file"]).arg(block);
    }
    curl.commit(&base, FILESYSTEM, path, bytes);
    curl.run()
}

/// Creates empty files with the names 0 to `count` - 1, over many connections.
pub(super) fn create(emulator: &Emulator, directory: &str, count: usize) -> Outcome {
    let url = format!("{}/{FILESYSTEM}/{directory}", emulator.ready.endpoint);
    let last = count.saturating_sub(1);
    let mut command = Command::new("curl");
    command.args(["--disable", "--noproxy", "*", "--silent", "--show-error", "--fail", "--fail-early"]);
    command.args(["--parallel", "--parallel-immediate", "--parallel-max", "32", "--output", NOWHERE]);
    // All have names of one length, as files of one origin do.
    command.args(["--request", "PUT", "--url", &format!("{url}/f[0000000-{last:07}]?resource=file")]);
    run::output(&mut command)?;
    Ok(())
}

/// What is at an address of the emulator.
pub(super) fn get(url: &str) -> Result<Vec<u8>, String> {
    let mut command = Command::new("curl");
    command.args(["--disable", "--noproxy", "*", "--silent", "--show-error", "--fail", "--url", url]);
    run::output(&mut command)
}

/// The same as JSON.
pub(super) fn json(url: &str) -> Result<Value, String> {
    serde_json::from_slice(&get(url)?).map_err(|e| format!("{url}: {e}"))
}
