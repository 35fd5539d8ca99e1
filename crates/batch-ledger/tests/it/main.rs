//! Both ledgers: the conformance suite, sequences that nobody thought of, and what only a file or only a server gets wrong.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking, helpers included")]

mod postgres;
mod properties;
mod sqlite;
mod support;
