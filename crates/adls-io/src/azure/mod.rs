//! Azure Data Lake Storage Gen2: a thin client of the DFS operations on `azure_core`.

mod answer;
mod calls;
mod client;
mod credential;
mod delete;
mod dfs;
mod endpoint;
mod lake;
mod list;
mod namespace;
mod options;
mod read;
mod refusal;
mod rename;
mod retry;
mod sign;
mod write;

pub use credential::{AzureCredential, STORAGE_SCOPE};
pub use lake::{AzureLake, FilesystemInfo};
pub use options::{AzureLakeOptions, AzureRetry};
