#![doc = include_str!("../README.md")]

mod error;
mod lake;
mod path;

pub use error::{Error, ErrorKind, Result};
pub use lake::{
    ByteStream, Condition, DataLake, Deleted, ETag, Entry, EntryKind, LakeWriter, ListMode, ReadOptions,
    ReadStream, RenameOptions, Written,
};
#[cfg(feature = "mock")]
pub use lake::{MockDataLake, MockLakeWriter};
pub use path::{LakePath, Location, PathError};
