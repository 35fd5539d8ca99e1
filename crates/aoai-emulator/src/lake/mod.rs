//! The storage half: Azure Data Lake Storage Gen2, as far as a client of files needs it.

mod address;
mod answer;
mod append;
mod body;
mod call;
mod conditions;
mod create;
mod dates;
mod delete;
mod error;
mod filesystems;
mod gate;
mod inside;
mod lease;
mod lease_calls;
mod list;
mod properties;
mod ranges;
mod read;
mod rename;
mod reply;
mod store;
mod tree;

pub(crate) use address::Address;
pub(crate) use answer::{answer, injected};
pub(crate) use body::Body;
pub(crate) use call::LakeCall;
pub(crate) use error::{LakeError, Wire};
pub use inside::LakeEntry;
pub(crate) use inside::{delete_filesystem, ensure_filesystem, entries, locate, open, put};
pub(crate) use store::LakeStore;
use tree::{Filesystem, Node};
