//! What can be asked of the benches.

use std::{fmt::Display, path::PathBuf, str::FromStr};

const NAMES: [&str; 9] =
    ["lake", "list", "memory", "fleet", "split", "collect", "audit", "tokens", "validate"];

const USAGE: &str = "\
usage: cargo xtask bench [lake] [list] [memory] [fleet] [split] [collect] [audit] [tokens] [validate] [options]
  lake      reading and publishing a file in the lake, beside curl
  list      requests and memory of a listing of 100,000 paths
  memory    time and memory of `run --once` over ten files of 200 MiB, for `transfer` = upload and import
  fleet     400 files by one worker and by four, with their ledger on PostgreSQL (it starts a server of its own)
  split     one file of 1 GB with 400,000 lines: in parts there, in one piece and in order back
  collect   500 MB of results in 100,000 lines: fetched, ordered, published and proved complete, beside cat and jq
  audit     a published result of 500 MB with 100,000 lines is proved complete, beside cat and jq
  tokens    counting beside tiktoken-rs, and its start
  validate  validation and counting of a file, beside reading and parsing it
All of them where none is named.
  --quick             smaller: 32 MiB, 10,000 paths, three files of 20 MB, 120 files
  --check             fail where a number is not as it should be
  --json              one line of JSON instead of the table
  --binary FILE       measure this program instead of building the release binary
  --block-bytes N     size of our client's appends in `lake`
  --repetitions N     turns in `lake` (5); more of them where the machine has other work
Everything lies in the temporary directory: TMPDIR=/dev/shm takes the disk out of `lake`. `memory` needs 7 GB there.";

/// What was asked for.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Options {
    names: Vec<String>,
    pub(super) quick: bool,
    pub(super) check: bool,
    pub(super) json: bool,
    pub(super) binary: Option<PathBuf>,
    pub(super) block_bytes: Option<u64>,
    pub(super) repetitions: Option<usize>,
}

impl Options {
    /// Reads the arguments; what to tell the person where they are none of ours.
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().ok_or_else(|| format!("{argument} needs a value\n{USAGE}"));
            match argument.as_str() {
                "--quick" => options.quick = true,
                "--check" => options.check = true,
                "--json" => options.json = true,
                "--binary" => {
                    let file = value()?;
                    let path = PathBuf::from(file).canonicalize().map_err(|e| format!("{file}: {e}"))?;
                    options.binary = Some(path);
                }
                "--block-bytes" => options.block_bytes = Some(number(argument, value()?)?),
                "--repetitions" => options.repetitions = Some(number::<usize>(argument, value()?)?.max(1)),
                name if NAMES.contains(&name) => options.names.push(name.to_owned()),
                _ => return Err(USAGE.to_owned()),
            }
        }
        Ok(options)
    }

    pub(super) fn wants(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|wanted| wanted == name)
    }
}

fn number<N: FromStr<Err: Display>>(name: &str, text: &str) -> Result<N, String> {
    text.parse().map_err(|e| format!("{name} {text}: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Options, String> {
        Options::parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn all_benches_unless_some_are_named() {
        let all = parse("").unwrap();
        assert!(NAMES.iter().all(|name| all.wants(name)));
        let some = parse("list --quick lake --block-bytes 4096 --repetitions 9").unwrap();
        assert!(some.wants("lake") && some.wants("list") && !some.wants("memory") && some.quick);
        assert_eq!((some.block_bytes, some.repetitions), (Some(4096), Some(9)));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["fast", "--help", "--binary", "--binary /no/such/file", "--block-bytes x", "--repetitions"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
