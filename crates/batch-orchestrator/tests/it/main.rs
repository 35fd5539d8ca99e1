//! The pipeline against a real HTTP server (the emulator), over lakes in memory.

mod bad_input;
mod crash;
mod defects;
mod happy;
mod ledger;
mod support;
