//! The trait that the rest of the world programs against, and its request types.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{future::BoxFuture, stream::BoxStream};

use crate::{Batch, BatchId, FileId, FileObject, Page, Result};

/// A stream of bytes; how every body enters and leaves this crate, so that no file is ever held in memory.
pub type ByteStream = BoxStream<'static, std::io::Result<Bytes>>;

/// The Files and Batch API of Azure OpenAI (or OpenAI).
///
/// # Guarantees
/// * [`create_batch`](Self::create_batch) sends **at most one** request: it is the only call that costs money,
///   and the service offers no idempotency key.
/// * Every error tells through [`Error::applied`](crate::Error::applied) whether the request may have taken effect.
/// * Deleting and cancelling what is already gone or ended is not an error.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait BatchApi: Send + Sync {
    /// Uploads a batch input file (`POST /files`, multipart, streamed).
    ///
    /// Free of charge. Repeated by itself only if the body can be reopened and the request was never sent or was
    /// refused as a whole (429, 503). After any other failure a copy may exist: look for its filename.
    async fn upload_file(&self, upload: Upload) -> Result<FileObject>;

    /// Asks the service to fetch a file from a URL (`POST /files/import`, dated API only).
    ///
    /// Free of charge, and repeated by itself as an upload is.
    async fn import_file(&self, import: &ImportFile) -> Result<FileObject>;

    /// A file's metadata (`GET /files/{id}`).
    async fn get_file(&self, id: &FileId) -> Result<FileObject>;

    /// One page of files (`GET /files`).
    async fn list_files(&self, query: &FileQuery) -> Result<Page<FileObject>>;

    /// Deletes a file (`DELETE /files/{id}`). A file that is not there counts as deleted.
    async fn delete_file(&self, id: &FileId) -> Result<DeletedFile>;

    /// A file's bytes from `offset` on (`GET /files/{id}/content`), streamed.
    ///
    /// A broken connection is resumed by `Range`, so the stream either ends complete or with an error.
    /// From the end of the file on, it is empty.
    async fn file_content(&self, id: &FileId, offset: u64) -> Result<ContentStream>;

    /// Creates a batch (`POST /batches`): **one** request, whatever happens to it.
    async fn create_batch(&self, create: &CreateBatch) -> Result<CreatedBatch>;

    /// A batch (`GET /batches/{id}`).
    async fn get_batch(&self, id: &BatchId) -> Result<Batch>;

    /// One page of batches, newest first (`GET /batches`).
    async fn list_batches(&self, query: &PageQuery) -> Result<Page<Batch>>;

    /// Asks the service to cancel (`POST /batches/{id}/cancel`); answers with the batch as it is then.
    /// A batch that is already being cancelled or has ended is not an error.
    async fn cancel_batch(&self, id: &BatchId) -> Result<Batch>;
}

/// A batch input file to upload.
#[derive(Debug)]
pub struct Upload {
    /// The name that the service keeps and lists; it should end in `.jsonl`.
    pub filename: String,
    /// Lets the service delete the file by itself.
    pub expires_after: Option<ExpiresAfter>,
    /// The bytes.
    pub body: UploadBody,
}

/// Opens an upload's bytes; called again for every try.
pub type Reopen = Box<dyn Fn() -> BoxFuture<'static, std::io::Result<ByteStream>> + Send + Sync>;

/// Where the bytes of an [`Upload`] come from.
pub enum UploadBody {
    /// A stream that can be read once: the upload is tried once.
    Once {
        /// Exact number of bytes, if known. Without it the request is sent chunked.
        length: Option<u64>,
        /// The bytes.
        stream: ByteStream,
    },
    /// A source that can be opened again for every try.
    Replayable {
        /// Exact number of bytes, if known.
        length: Option<u64>,
        /// Opens it.
        open: Reopen,
    },
}

impl std::fmt::Debug for UploadBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (kind, length) = match self {
            Self::Once { length, .. } => ("Once", length),
            Self::Replayable { length, .. } => ("Replayable", length),
        };
        f.debug_struct(kind).field("length", length).finish_non_exhaustive()
    }
}

/// When the service may delete a file by itself, counted from its creation.
///
/// Documented range for batch input files: 1,209,600 to 2,592,000 seconds (14 to 30 days). Old API versions ignore
/// it silently: check [`FileObject::expires_at`] afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpiresAfter {
    /// Seconds after creation.
    pub seconds: u64,
}

/// A file for the service to fetch.
#[derive(Clone, PartialEq, Eq)]
pub struct ImportFile {
    /// The name that the service keeps and lists.
    pub filename: String,
    /// A URL that the service can `GET`. May carry a SAS: never logged.
    pub content_url: String,
}

impl std::fmt::Debug for ImportFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let url = self.content_url.split('?').next().unwrap_or_default();
        f.debug_struct("ImportFile").field("filename", &self.filename).field("content_url", &url).finish()
    }
}

/// Paging for batches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageQuery {
    /// The id after which the page starts.
    pub after: Option<String>,
    /// Entries per page. The service takes 1 to 100 for batches.
    pub limit: Option<u32>,
}

/// Paging and filtering for files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileQuery {
    /// Only files of this purpose, such as `batch`.
    pub purpose: Option<String>,
    /// Position and size of the page.
    pub page: PageQuery,
}

/// A batch to create.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CreateBatch {
    /// The uploaded input file; exactly one of this and `input_blob`.
    pub input_file_id: Option<FileId>,
    /// Blob URL of the input (preview), without SAS: the service reads it with its own identity.
    pub input_blob: Option<String>,
    /// Blob URL of the folder for the results; needed with `input_blob`.
    pub output_folder: Option<String>,
    /// Such as `/chat/completions`.
    pub endpoint: String,
    /// `24h`: the only value that the service takes.
    pub completion_window: String,
    /// At most 16 pairs; keys up to 64 characters, values up to 512. Not supported with `input_blob`.
    pub metadata: BTreeMap<String, String>,
    /// Lets the service delete the result files by itself.
    pub output_expires_after: Option<ExpiresAfter>,
}

/// The answer to [`BatchApi::create_batch`].
#[derive(Debug, Clone)]
pub struct CreatedBatch {
    /// The batch.
    pub batch: Batch,
    /// The service's own count of enqueued tokens, where it tells.
    pub enqueued: Option<EnqueuedTokens>,
}

/// The response headers `deployment-enqueued-tokens` and `deployment-maximum-enqueued-tokens`
/// (preview; an estimate of the service from the number of characters).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnqueuedTokens {
    /// Tokens enqueued.
    pub enqueued: u64,
    /// The deployment's limit.
    pub maximum: Option<u64>,
}

/// The answer to [`BatchApi::delete_file`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeletedFile {
    /// It was there and is deleted now.
    Deleted,
    /// There was no such file.
    Absent,
}

/// The content of a file.
pub struct ContentStream {
    /// Length of the whole file in bytes, where the service told it.
    pub total: Option<u64>,
    /// The bytes from the offset asked for.
    pub body: BoxStream<'static, Result<Bytes>>,
}

impl std::fmt::Debug for ContentStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ContentStream").field("total", &self.total).finish_non_exhaustive()
    }
}
