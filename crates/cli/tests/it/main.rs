//! The binary, as a user runs it.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking, helpers included")]

mod audit;
mod cancel;
mod configuration;
mod costs;
mod decisions;
mod kill;
#[cfg(unix)]
mod lake;
mod ledger_trouble;
mod manage;
mod plan;
mod runs;
mod support;
