//! The ADLS Gen2 half: filesystems, directories and files of storage accounts, over the DFS endpoint.

mod call;
mod conditions;
mod content;
mod create;
mod data;
mod filesystems;
mod gate;
mod lease;
mod listing;
mod node;
mod place;
mod properties;
mod refusal;
mod removal;
mod rename;
mod reply;
mod serve;
mod store;
mod tree;

pub(crate) use call::LakeCall;
pub(crate) use content::Content;
pub(crate) use place::LakePlace;
pub(crate) use serve::serve;
pub use store::LakePathSummary;
pub(crate) use store::LakeStore;
