//! The `aoai-batch` binary: arguments in, exit code out. Everything else is in the library crates.

mod app;
mod args;
mod commands;
mod config;
mod error;
mod exit;
mod logging;
mod print;
mod progress;
mod wiring;

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::panic::catch_unwind(app::main) {
        Ok(code) => code,
        // The panic's own message is already on standard error.
        Err(_) => exit::BUG.into(),
    }
}
