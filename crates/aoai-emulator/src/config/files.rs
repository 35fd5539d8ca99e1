//! Configuration of the Files API.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How files behave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FileConfig {
    /// Virtual time from upload to `processed`.
    #[serde(with = "humantime_serde")]
    pub processing: Duration,
    /// Largest upload in bytes; more is answered with 413.
    pub max_bytes: u64,
    /// How many files without expiry may exist.
    pub max_without_expiry: usize,
    /// How many files with expiry may exist.
    pub max_with_expiry: usize,
    /// Files whose name contains this end in `error` instead of `processed`.
    pub fail_processing_of: Option<String>,
    /// Virtual time before a new file shows up in lists.
    #[serde(with = "humantime_serde")]
    pub list_lag: Duration,
    /// Answer a `Range` request with 200 and the whole body.
    pub ignore_range: bool,
    /// What `DELETE` does to the input file of a batch that still runs (undocumented).
    pub delete_in_use: InUseDelete,
}

impl Default for FileConfig {
    fn default() -> Self {
        Self {
            processing: Duration::from_millis(100),
            max_bytes: 209_715_200,
            max_without_expiry: 500,
            max_with_expiry: 10_000,
            fail_processing_of: None,
            list_lag: Duration::ZERO,
            ignore_range: false,
            delete_in_use: InUseDelete::Allow,
        }
    }
}

/// What happens when the input file of a running batch is deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InUseDelete {
    /// The file goes, the batch goes on.
    #[default]
    Allow,
    /// 409, and the file stays.
    Refuse,
    /// The file goes, and a batch that is still validating fails.
    FailBatch,
    /// The file goes, and a batch that has not ended fails.
    FailRunning,
}
