//! Upload: the part's bytes on their way to the service. Free of charge, hence repeatable; recovered by name.

mod body;
mod stage;

pub(crate) use body::part_body;
pub(crate) use stage::{await_processed, find_files, refusal, upload};
