//! One file for each command.

pub(crate) mod audit;
pub(crate) mod cancel;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod emulator;
pub(crate) mod estimate;
pub(crate) mod gc;
pub(crate) mod init;
mod inputs;
mod jobs;
pub(crate) mod plan;
pub(crate) mod retry;
pub(crate) mod run;
pub(crate) mod status;
pub(crate) mod validate;
