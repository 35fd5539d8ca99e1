//! `cargo xtask bench`: what the release binary and our client of the lake cost, beside `curl` and beside themselves.
//!
//! Everything runs against the emulator in a process of its own, on this machine. Only what was measured in one run is
//! compared: the numbers alone say more about the machine than about us.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{
    emulator::{ACCOUNT, Emulator, WELL_KNOWN_KEY},
    run::{self, Outcome},
    say,
    scratch::Scratch,
};

mod audit;
mod collect;
mod curl;
mod examples;
mod fleet;
mod lake;
mod list;
mod memory;
mod options;
mod requests;
mod split;
mod table;
mod timed;

pub(crate) use options::Options;
use table::Row;

/// Secrets go by environment, as in everything of ours.
const KEY_VARIABLE: &str = "AOAI_BENCH_KEY";

/// What all benches need.
struct Bench<'a> {
    options: &'a Options,
    /// The release binary.
    binary: PathBuf,
    /// Where examples are built.
    examples: PathBuf,
}

/// What our client says of itself.
struct Told {
    bytes: u64,
    entries: u64,
    seconds: f64,
    peak_rss_kib: Option<u64>,
}

pub(crate) fn run(options: &Options) -> Outcome {
    let bench = prepare(options)?;
    let mut rows = Vec::new();
    for (name, measure) in [
        ("lake", lake::run as fn(&Bench<'_>) -> Result<Vec<Row>, String>),
        ("list", list::run),
        ("memory", memory::run),
        ("fleet", fleet::run),
        ("split", split::run),
        ("collect", collect::run),
        ("audit", audit::run),
        ("tokens", examples::tokens),
        ("validate", examples::validate),
    ] {
        if options.wants(name) {
            rows.extend(measure(&bench).map_err(|why| format!("{name}: {why}"))?);
        }
    }
    say::line(&if options.json { table::json(&rows).to_string() } else { table::text(&rows) });
    let missed: Vec<&str> =
        rows.iter().filter(|row| row.met() == Some(false)).map(|row| &*row.what).collect();
    if options.check && !missed.is_empty() {
        return Err(format!("not as it should be: {}", missed.join("; ")));
    }
    Ok(())
}

/// Builds what is measured, unless a binary is given.
fn prepare(options: &Options) -> Result<Bench<'_>, String> {
    curl::check()?;
    let metadata = run::metadata()?;
    let target = metadata["target_directory"].as_str().ok_or("cargo metadata names no target directory")?;
    let release = Path::new(target).join("release");
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => {
            run::succeed(run::cargo().args(["build", "--release", "-p", "aoai-batch-cli"]))?;
            release.join(format!("aoai-batch{}", std::env::consts::EXE_SUFFIX))
        }
    };
    let example = ["build", "--release", "-p", "adls-io", "--example", "lake_bench"];
    run::succeed(run::cargo().args(example))?;
    Ok(Bench { options, binary, examples: release.join("examples") })
}

impl Bench<'_> {
    /// An example that was built.
    fn example(&self, name: &str) -> PathBuf {
        self.examples.join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
    }

    /// An emulator with these settings (TOML). It does not ask for signatures, since curl makes none; our client signs
    /// all the same.
    fn emulator(&self, scratch: &Scratch, settings: &str) -> Result<Emulator, String> {
        scratch.write("emulator.toml", settings)?;
        let file = scratch.path().join("emulator.toml");
        Emulator::start(&self.binary, &["--settings", &file.to_string_lossy()], &[])
    }

    /// One operation of our client. `more` are further arguments of its own.
    fn client(
        &self,
        emulator: &Emulator,
        operation: &str,
        path: &str,
        more: &[String],
    ) -> Result<Told, String> {
        let mut command = std::process::Command::new(self.example("lake_bench"));
        command.env(KEY_VARIABLE, WELL_KNOWN_KEY).env("NO_PROXY", "127.0.0.1,localhost");
        command.arg(format!("endpoint={}", emulator.ready.endpoint)).arg(format!("account={ACCOUNT}"));
        command.arg(format!("key_env={KEY_VARIABLE}")).arg(format!("operation={operation}"));
        command.arg(format!("filesystem={FILESYSTEM}")).arg(format!("path={path}")).args(more);
        let output = run::output(&mut command)?;
        let told: Value = serde_json::from_slice(&output).map_err(|e| format!("lake_bench: {e}"))?;
        let number =
            |key: &str| told[key].as_u64().ok_or_else(|| format!("lake_bench told no {key}: {told}"));
        Ok(Told {
            bytes: number("bytes")?,
            entries: number("entries")?,
            seconds: told["seconds"][0].as_f64().ok_or_else(|| format!("lake_bench told no time: {told}"))?,
            peak_rss_kib: told["peak_rss_kib"].as_u64(),
        })
    }
}

/// Where the benches `lake` and `list` have their files.
const FILESYSTEM: &str = "bench";
const SETTINGS: &str = "[lake]\nrequire_auth = false\ncreate_filesystems = [\"bench\"]\n";

/// The one in the middle, of an odd number of times.
fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Something to see while it lasts, beside the answer.
fn progress(text: &str) {
    say::error(&format!("bench: {text}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 100.0]).total_cmp(&3.0), std::cmp::Ordering::Equal);
        assert!(median(Vec::new()).is_nan());
    }
}
