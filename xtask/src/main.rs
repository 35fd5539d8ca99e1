//! Project automation: `cargo xtask <task>`.
//!
//! It links none of our crates, so that it can judge them, and it works in a fresh clone.

use std::process::ExitCode;

mod bench;
mod docs;
mod e2e;
mod emulator;
mod faults;
mod kill;
mod package;
mod pg;
mod postgres;
mod program;
mod python;
mod run;
mod say;
mod scratch;
mod sim;
mod tidy;

const USAGE: &str = "\
usage: cargo xtask <task>
  tidy     what compilers do not check: dependency rules, file sizes, READMEs, links
  docs     the documentation builds without a warning
  package  every library crate can be packaged
  e2e      the release binary and the examples, from files in to files out
  python   the official Python client against the emulator's Data Lake endpoint
  bench    throughput beside curl, requests of a listing, memory of a run; `bench --help` tells the options
  kill     the release binary killed over and over; `kill --help` tells the options
  sim      the real pipeline in simulated worlds; `sim --help` tells the options
  faults   what each fault of the service costs, with the official client and with ours
  pg       runs a command with a PostgreSQL server of its own in DATABASE_URL: `pg -- COMMAND...`";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let task = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    if task == "bench" {
        return match bench::Options::parse(&rest) {
            Ok(options) => judge(&task, bench::run(&options)),
            Err(usage) => refuse(&usage),
        };
    }
    if task == "kill" {
        return match kill::Options::parse(&rest) {
            Ok(options) => judge(&task, kill::run(&options)),
            Err(usage) => refuse(&usage),
        };
    }
    if task == "sim" {
        return match sim::Options::parse(&rest) {
            Ok(options) => judge(&task, sim::run(&options)),
            Err(usage) => refuse(&usage),
        };
    }
    if task == "faults" {
        return match faults::Options::parse(&rest) {
            Ok(options) => judge(&task, faults::run(&options)),
            Err(usage) => refuse(&usage),
        };
    }
    if task == "pg" {
        return match pg::run(&rest) {
            Ok(code) => ExitCode::from(code),
            Err(message) => judge(&task, Err(message)),
        };
    }
    if !rest.is_empty() {
        return refuse(USAGE);
    }
    let outcome = match task.as_str() {
        "tidy" => tidy::run(),
        "docs" => docs::run(),
        "package" => package::run(),
        "e2e" => e2e::run(),
        "python" => python::run(),
        _ => return refuse(USAGE),
    };
    judge(&task, outcome)
}

fn refuse(usage: &str) -> ExitCode {
    say::error(usage);
    ExitCode::from(2)
}

fn judge(task: &str, outcome: run::Outcome) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            say::error(&format!("xtask {task}: {message}"));
            ExitCode::FAILURE
        }
    }
}
