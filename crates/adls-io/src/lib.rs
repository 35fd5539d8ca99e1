#![doc = include_str!("../README.md")]

mod azure;
mod condition;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod ext;
mod lake;
mod local;
mod memory;
mod path;
#[cfg(feature = "datalake-sdk")]
mod sdk;

pub use azure::{AzureCredential, AzureLake, AzureLakeOptions, AzureRetry, FilesystemInfo, STORAGE_SCOPE};
pub use error::{Error, ErrorKind, Result};
pub use ext::DataLakeExt;
pub use lake::{
    ByteStream, Condition, DataLake, Deleted, ETag, Entry, EntryKind, LakeWriter, ListMode, ReadOptions,
    ReadStream, RenameOptions, Written,
};
#[cfg(feature = "mock")]
pub use lake::{MockDataLake, MockLakeWriter};
pub use local::LocalLake;
pub use memory::MemoryLake;
pub use path::{LakePath, Location, PathError};
#[cfg(feature = "datalake-sdk")]
pub use sdk::SdkLake;
