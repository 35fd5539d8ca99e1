//! The pipeline against a real HTTP server (the emulator), over lakes in memory.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking, helpers included")]

mod attempts;
mod audit;
mod bad_input;
mod cancel;
mod crash;
mod defects;
mod duplicates;
mod happy;
mod lake_service;
mod ledger;
mod lost_ledger;
mod manage;
mod merge;
mod one_pass;
mod output;
mod pool;
mod quota;
mod support;
mod transfer_blob;
mod transfer_import;
