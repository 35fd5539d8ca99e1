#![doc = include_str!("../README.md")]

mod api;
mod client;
mod error;
mod ext;
mod jsonl;
mod wire;

#[cfg(feature = "mock")]
pub use api::MockBatchApi;
pub use api::{
    BatchApi, ByteStream, ContentStream, CreateBatch, CreatedBatch, DeletedFile, EnqueuedTokens,
    ExpiresAfter, FileQuery, ImportFile, PageQuery, Reopen, Upload, UploadBody,
};
pub use client::{
    ApiForm, BatchClient, BatchClientOptions, Credential, DEFAULT_SCOPE, DatedPage, RetryOptions,
};
pub use error::{Applied, Error, ErrorKind, Result};
pub use ext::BatchApiExt;
pub use jsonl::{
    EndpointFamily, JsonLines, Line, LineItem, OutputBrief, OutputError, OutputLine, OutputResponse,
    RequestLine, endpoint_family,
};
pub use wire::{
    Batch, BatchError, BatchId, BatchStatus, BatchUsage, FileId, FileObject, FileStatus, Page, RequestCounts,
};
