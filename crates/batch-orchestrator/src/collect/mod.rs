//! Collect: from the service's result files to verified files in the lake.
//!
//! `harvest` fetches the results of one part into the work directory, in their final order; `publish` puts the
//! parts of a job together under their final names.

mod again;
mod artifact;
mod beside;
mod books;
mod documents;
mod failed;
mod harvest;
mod judge;
mod lines;
mod manifest;
mod new_file;
mod publish;
mod results;
mod settled;
mod source;
mod spool;

pub(crate) use artifact::{Measure, write_artifact, write_results};
pub(crate) use documents::MANIFEST_MAX_BYTES;
pub(crate) use documents::manifest;
pub use documents::{MANIFEST_FORMAT, MANIFEST_NAME};
pub(crate) use harvest::{Ending, harvest};
pub(crate) use manifest::Manifest;
pub(crate) use publish::publish;
pub(crate) use results::{brief, for_each_index_line};
