//! The crate `azure_storage_datalake` 0.21 behind [`DataLake`](crate::DataLake), with what makes it correct.

mod call;
mod client;
mod credential;
mod lake;
mod list;
mod operations;
mod policies;
mod read;
mod transport;

pub use lake::SdkLake;
