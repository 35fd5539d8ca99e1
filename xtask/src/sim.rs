//! The simulation, optimised: the exhaustive part in full, and any range of seeds.

use std::{ops::Range, process::Command};

use crate::{
    program::now,
    run::{self, Outcome},
    say,
};

const USAGE: &str = "\
usage: cargo xtask sim [--seeds FROM..TO] [--log]
  --seeds FROM..TO   which random worlds (default 0..10000); with a range given, nothing but these
  --log              prints all that happens in them";

/// What to simulate.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// `None`: the usual seeds, and everything else.
    seeds: Option<Range<u64>>,
    log: bool,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self { seeds: None, log: false };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--seeds" => {
                    let text = arguments.next().ok_or(USAGE)?;
                    options.seeds =
                        Some(range(text).ok_or_else(|| format!("--seeds {text}: expected FROM..TO"))?);
                }
                "--log" => options.log = true,
                _ => return Err(USAGE.to_owned()),
            }
        }
        Ok(options)
    }
}

fn range(text: &str) -> Option<Range<u64>> {
    let (from, to) = text.split_once("..")?;
    let range = from.parse().ok()?..to.parse().ok()?;
    (!range.is_empty()).then_some(range)
}

/// Simulates.
pub(crate) fn run(options: &Options) -> Outcome {
    let mut build = cargo();
    run::succeed(build.arg("--no-run"))?;
    let seeds = options.seeds.clone().unwrap_or(0..10_000);
    let mut test = cargo();
    if options.seeds.is_some() {
        test.arg("random_seeds");
    }
    test.args(["--", "--nocapture"])
        .env("RUST_BACKTRACE", "0")
        .env("SIM_SEEDS", format!("{}..{}", seeds.start, seeds.end));
    if options.log {
        test.env("SIM_LOG", "1");
    }
    let start = now();
    run::succeed(&mut test)?;
    say::line(&format!(
        "{} seeds and no violation, in {} s",
        seeds.end - seeds.start,
        start.elapsed().as_secs()
    ));
    Ok(())
}

fn cargo() -> Command {
    let mut cargo = run::cargo();
    cargo.args(["test", "--quiet", "--release", "--package", "batch-orchestrator", "--test", "sim"]);
    cargo
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Options, String> {
        Options::parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn one_seed_is_a_range() {
        assert_eq!(parse(""), Ok(Options { seeds: None, log: false }));
        assert_eq!(parse("--seeds 7..8 --log"), Ok(Options { seeds: Some(7..8), log: true }));
    }

    #[test]
    fn anything_else_is_refused() {
        for wrong in ["--help", "--seeds", "--seeds 7", "--seeds 8..7", "--seeds x..y", "7..8"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
