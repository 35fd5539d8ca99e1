//! `cargo xtask e2e`.
use crate::run::Outcome;
pub(crate) fn run() -> Outcome { Err("not yet".into()) }
