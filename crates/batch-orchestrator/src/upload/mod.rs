//! Upload: the part's bytes on their way to where the service reads them. Free of charge, hence repeatable.
//!
//! Three ways: a file that is sent (`send`, or `along` with its validation), a file that the service fetches (`import`), and a copy in the lake that
//! the service reads itself (`staged`). Files are recovered by name, copies by their path.

mod along;
mod body;
mod files;
mod import;
mod processed;
mod send;
mod stage;
mod staged;

pub(crate) use along::{Answer, along};
pub(crate) use files::{find_files, refusal};
pub(crate) use processed::await_processed;
pub(crate) use stage::upload;
pub(crate) use staged::{Staged, fence_staged, look_at_staged};
