//! What can be asked of `kill`.

use std::{fmt::Display, path::PathBuf, str::FromStr};

use super::random::fresh_seed;

const USAGE: &str = "\
usage: cargo xtask kill [options]
The release binary is killed at random moments while it works, over and over; afterwards everything must be there,
once, and paid once.
  --kills N           kills in all (500)
  --ledger NAME       sqlite (one worker) or postgres (three workers); half of the kills each where none is named
  --seed S            what is drawn; drawn itself where it is not given
  --round N           only this round of the seed, with as many kills as it takes
  --binary FILE       this program instead of a release build";

/// Where the ledger is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ledger {
    Sqlite,
    Postgres,
}

impl Ledger {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// What was asked for.
#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    pub(super) kills: usize,
    pub(super) seed: u64,
    pub(super) ledger: Option<Ledger>,
    pub(super) round: Option<u64>,
    pub(super) binary: Option<PathBuf>,
}

impl Options {
    /// Reads the arguments; what to tell the person where they are none of ours.
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self { kills: 500, seed: fresh_seed(), ledger: None, round: None, binary: None };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().ok_or_else(|| format!("{argument} needs a value\n{USAGE}"));
            match argument.as_str() {
                "--kills" => options.kills = number(argument, value()?)?,
                "--seed" => options.seed = number(argument, value()?)?,
                "--round" => options.round = Some(number(argument, value()?)?),
                "--ledger" => {
                    options.ledger = Some(match value()?.as_str() {
                        "sqlite" => Ledger::Sqlite,
                        "postgres" => Ledger::Postgres,
                        other => return Err(format!("--ledger {other} is neither\n{USAGE}")),
                    });
                }
                "--binary" => {
                    let file = value()?;
                    let path = PathBuf::from(file).canonicalize().map_err(|e| format!("{file}: {e}"))?;
                    options.binary = Some(path);
                }
                _ => return Err(USAGE.to_owned()),
            }
        }
        Ok(options)
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
    fn all_has_a_default_and_can_be_said() {
        let default = parse("").unwrap();
        assert_eq!((default.kills, default.ledger, default.round), (500, None, None));
        let said = parse("--kills 7 --seed 9 --ledger postgres --round 3").unwrap();
        assert_eq!((said.kills, said.seed, said.round), (7, 9, Some(3)));
        assert_eq!(said.ledger, Some(Ledger::Postgres));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["fast", "--help", "--kills", "--kills x", "--ledger oracle", "--binary /no/such/file"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
