#![doc = include_str!("../README.md")]

mod api;
mod error;
mod wire;

#[cfg(feature = "mock")]
pub use api::MockBatchApi;
pub use api::{
    BatchApi, ByteStream, ContentStream, CreateBatch, CreatedBatch, DeletedFile, EnqueuedTokens,
    ExpiresAfter, FileQuery, ImportFile, PageQuery, Reopen, Upload, UploadBody,
};
pub use error::{Applied, Error, ErrorKind, Result};
pub use wire::{
    Batch, BatchError, BatchId, BatchStatus, BatchUsage, FileId, FileObject, FileStatus, Page, RequestCounts,
};
