//! The Files API and what it keeps.

mod body;
mod content;
mod handlers;
mod import;
mod record;
mod scan;
mod store;
mod upload;

pub(crate) use body::{BodyWriter, StoredBody};
pub(crate) use content::content;
pub(crate) use handlers::{delete, get, list};
pub(crate) use import::{import, is_loopback};
pub(crate) use record::{FileRecord, FileState, FileStatus, capitalised, input_id, result_id};
#[cfg(test)]
pub(crate) use scan::ScannedLine;
pub(crate) use scan::{LineFault, Scan, without_v1};
pub(crate) use store::FileStore;
pub(crate) use upload::upload;
