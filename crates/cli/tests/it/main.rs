//! The binary, as a user runs it.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking, helpers included")]

mod configuration;
mod kill;
mod runs;
mod support;
