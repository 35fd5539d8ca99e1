//! Project automation: `cargo xtask <task>`.
//!
//! It links none of our crates, so that it can judge them, and it works in a fresh clone.

use std::process::ExitCode;

mod docs;
mod e2e;
mod package;
mod python;
mod run;
mod say;
mod tidy;

const USAGE: &str = "\
usage: cargo xtask <task>
  tidy     what compilers do not check: dependency rules, file sizes, READMEs, links
  docs     the documentation builds without a warning
  package  every library crate can be packaged
  e2e      the release binary and the examples, from files in to files out
  python   the official Python client against the emulator's Data Lake endpoint";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let task = arguments.next().unwrap_or_default();
    if arguments.next().is_some() {
        say::error(USAGE);
        return ExitCode::from(2);
    }
    let outcome = match task.as_str() {
        "tidy" => tidy::run(),
        "docs" => docs::run(),
        "package" => package::run(),
        "e2e" => e2e::run(),
        "python" => python::run(),
        _ => {
            say::error(USAGE);
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            say::error(&format!("xtask {task}: {message}"));
            ExitCode::FAILURE
        }
    }
}
