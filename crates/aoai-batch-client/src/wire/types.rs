//! The objects of the API.

use std::collections::BTreeMap;

use super::{BatchStatus, FileStatus};

/// The id of a file; opaque.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct FileId(pub String);

/// The id of a batch; opaque.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct BatchId(pub String);

/// A file of the service.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FileObject {
    /// Its id.
    pub id: FileId,
    /// The name given at upload.
    pub filename: Option<String>,
    /// Size.
    pub bytes: Option<u64>,
    /// Such as `batch` or `batch_output`.
    pub purpose: Option<String>,
    /// State.
    pub status: FileStatus,
    /// Why the state is `Error`.
    pub status_details: Option<String>,
    /// Seconds since 1970 (UTC).
    pub created_at: Option<i64>,
    /// When the service deletes it by itself, in seconds since 1970 (UTC).
    pub expires_at: Option<i64>,
}

/// A batch.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Batch {
    /// Its id.
    pub id: BatchId,
    /// State; the only field to decide from.
    pub status: BatchStatus,
    /// Such as `/chat/completions`.
    pub endpoint: Option<String>,
    /// The input file.
    pub input_file_id: Option<FileId>,
    /// Results; `None` also where the service says `""`.
    pub output_file_id: Option<FileId>,
    /// Failed lines; `None` also where the service says `""`.
    pub error_file_id: Option<FileId>,
    /// Input blob URL (preview).
    pub input_blob: Option<String>,
    /// Result blob URL (preview); told even where no blob was written.
    pub output_blob: Option<String>,
    /// Error blob URL (preview); told even where no blob was written.
    pub error_blob: Option<String>,
    /// Seconds since 1970 (UTC).
    pub created_at: Option<i64>,
    /// Seconds since 1970 (UTC).
    pub in_progress_at: Option<i64>,
    /// When it ended in whatever way, in seconds since 1970 (UTC).
    pub ended_at: Option<i64>,
    /// Seconds since 1970 (UTC).
    pub expires_at: Option<i64>,
    /// Progress by lines.
    pub request_counts: RequestCounts,
    /// Tokens used, where the service tells (v1).
    pub usage: Option<BatchUsage>,
    /// Why the batch failed.
    pub errors: Vec<BatchError>,
    /// What was given at creation.
    pub metadata: BTreeMap<String, String>,
    /// The model (v1).
    pub model: Option<String>,
}

/// Progress of a batch; zero where the service says `null`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct RequestCounts {
    /// Lines in the batch.
    pub total: u64,
    /// Lines that succeeded.
    pub completed: u64,
    /// Lines that failed.
    pub failed: u64,
}

/// Tokens that a batch used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct BatchUsage {
    /// Prompt tokens.
    pub input_tokens: u64,
    /// Of these, read from the cache.
    pub cached_tokens: u64,
    /// Completion tokens.
    pub output_tokens: u64,
}

/// One reason why a batch failed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct BatchError {
    /// Such as `token_limit_exceeded` or `invalid_json_line`.
    pub code: Option<String>,
    /// For people.
    pub message: String,
    /// Line of the input file, from 1.
    pub line: Option<u64>,
    /// The parameter at fault.
    pub param: Option<String>,
}
