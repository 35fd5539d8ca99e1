//! Snapshot: which input files are there, and which of them are at rest.

mod claim;
mod layout;
mod scan;

pub(crate) use claim::{Marker, Markers, claim, claim_markers, read_marker};
pub(crate) use layout::Layout;
pub(crate) use scan::scan;
pub use scan::{Skipped, SkippedReason, Watcher};
