//! Azure Data Lake Storage Gen2: a thin client of the DFS operations on `azure_core`.

pub(crate) mod answer;
pub(crate) mod calls;
pub(crate) mod client;
pub(crate) mod credential;
pub(crate) mod delete;
pub(crate) mod dfs;
pub(crate) mod endpoint;
mod lake;
pub(crate) mod list;
pub(crate) mod namespace;
mod options;
mod read;
pub(crate) mod refusal;
pub(crate) mod rename;
pub(crate) mod retry;
mod sign;
pub(crate) mod write;

pub use credential::{AzureCredential, STORAGE_SCOPE};
pub use lake::{AzureLake, FilesystemInfo};
pub use options::{AzureLakeOptions, AzureRetry};
