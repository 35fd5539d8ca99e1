//! Configuration of the Batch API.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

/// How batches behave. All times are virtual.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BatchConfig {
    /// Time in `validating`.
    #[serde(with = "humantime_serde")]
    pub validating: Duration,
    /// Time in `in_progress` (without an upstream: there it lasts until the work is done).
    #[serde(with = "humantime_serde")]
    pub in_progress: Duration,
    /// Each batch draws a factor between 1 and 1 + this for its `in_progress` time.
    pub in_progress_spread: f64,
    /// Time in `finalizing`.
    #[serde(with = "humantime_serde")]
    pub finalizing: Duration,
    /// Time in `cancelling`.
    #[serde(with = "humantime_serde")]
    pub cancelling: Duration,
    /// Time before a new batch shows up in lists.
    #[serde(with = "humantime_serde")]
    pub list_lag: Duration,
    /// Requests per file; more is `too_many_tasks`.
    pub max_lines: usize,
    /// Largest input blob in bytes; more fails the batch.
    pub max_blob_bytes: u64,
    /// Deployments that exist; empty = any name will do.
    pub deployments: Vec<String>,
    /// Lines for `/responses` are fine in a batch for `/chat/completions`.
    pub responses_on_chat_endpoint: bool,
    /// Lines because of which validation refuses a batch, though nothing is wrong with them that is documented.
    pub refused_lines: Option<RefusedLines>,
    /// Batches that expire; by default none does, as on Azure.
    pub expiry: Option<ExpiryConfig>,
    /// What a `completion_window` other than `24h` does.
    pub bad_window: Deviation,
    /// What a byte order mark does (the documentation gives the message, not the moment).
    pub bom: Deviation,
    /// What a create that names a missing file does (both were observed).
    pub missing_input: Deviation,
    /// What cancelling a batch that already ended does.
    pub cancel_of_terminal: CancelOfTerminal,
    /// What becomes of the metadata of a create.
    pub metadata: MetadataFate,
    /// Deleted input files are good for a batch all the same, instead of `missing_input`.
    pub run_deleted_inputs: bool,
    /// What `$filter` and `$orderby` of a list do on dated versions from 2025-03-01 on; others ignore them.
    pub list_filter: ListFilter,
    /// The order of lists.
    pub list_order: ListOrder,
    /// Answer a list with everything there is, whatever `limit` says.
    pub ignore_limit: bool,
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self {
            validating: Duration::from_millis(300),
            in_progress: Duration::from_secs(1),
            in_progress_spread: 0.0,
            finalizing: Duration::from_millis(300),
            cancelling: Duration::from_millis(300),
            list_lag: Duration::ZERO,
            max_lines: 100_000,
            max_blob_bytes: 1 << 30,
            deployments: Vec::new(),
            responses_on_chat_endpoint: true,
            refused_lines: None,
            expiry: None,
            bad_window: Deviation::default(),
            bom: Deviation::FailBatch,
            missing_input: Deviation::default(),
            cancel_of_terminal: CancelOfTerminal::default(),
            metadata: MetadataFate::default(),
            run_deleted_inputs: false,
            list_filter: ListFilter::default(),
            list_order: ListOrder::default(),
            ignore_limit: false,
        }
    }
}

/// Lines that validation names as the reason why it refuses their batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefusedLines {
    /// Those whose `custom_id` contains this.
    pub custom_id_contains: String,
    /// The code, such as `invalid_request`.
    pub code: String,
    /// The first so many batches pass.
    #[serde(default)]
    pub after_batches: u64,
    /// And after those, only so many are refused.
    #[serde(default)]
    pub batches: Option<u64>,
}

impl RefusedLines {
    /// Whether the batch of this number, from 1, is one of those.
    pub(crate) fn is_about(&self, number: u64) -> bool {
        let nth = number.saturating_sub(self.after_batches);
        nth > 0 && self.batches.is_none_or(|most| nth <= most)
    }
}

/// Which batches expire, and when: whatever comes first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExpiryConfig {
    /// After this many lines.
    pub after_lines: Option<usize>,
    /// After this time since the creation.
    #[serde(with = "humantime_serde")]
    pub after: Option<Duration>,
    /// Only batches whose input file's name contains this.
    pub filename_contains: Option<String>,
    /// Of those, only each n-th.
    pub every: Option<u32>,
    /// Only the first so many of what is left.
    pub times: Option<u32>,
}

/// Whether a bad request is refused at once or turns into a failed batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deviation {
    /// 400 at create.
    #[default]
    Reject,
    /// The create succeeds, the batch fails.
    FailBatch,
}

/// The answer to cancelling a batch that has ended (undocumented).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelOfTerminal {
    /// 409 `conflict`.
    #[default]
    Conflict,
    /// 400 `invalidPayload`.
    BadRequest,
    /// 200 and the batch as it is.
    Ok,
}

/// What becomes of the metadata of a create (nowhere promised).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetadataFate {
    /// It is told with the batch.
    #[default]
    Echo,
    /// It is accepted, and told as null.
    Drop,
    /// 400 at create.
    Refuse,
}

/// What `$filter` and `$orderby` of a list do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListFilter {
    /// Nothing.
    #[default]
    Ignore,
    /// What the documentation's examples show: `created_at gt N and status eq 'Completed'`, `created_at asc`.
    Apply,
    /// 400.
    Refuse,
}

/// The order of lists of batches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListOrder {
    /// As documented.
    #[default]
    NewestFirst,
    /// The reverse.
    OldestFirst,
}

/// The enqueued-token quota. Tokens are counted as body characters / 4.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QuotaConfig {
    /// Limit for every deployment that `per_deployment` does not name; none = no limit.
    pub max_enqueued_tokens: Option<u64>,
    /// Limits by deployment.
    pub per_deployment: BTreeMap<String, u64>,
    /// Per cent of that figure that is counted: how a service counts is not published, and this one may count otherwise.
    /// None = 100.
    pub percent: Option<u64>,
    /// How a batch over the limit is refused.
    pub mode: QuotaMode,
    /// Send `deployment-enqueued-tokens` and `deployment-maximum-enqueued-tokens` with creates.
    pub headers: bool,
}

/// The two documented ways to refuse a batch over the token quota.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuotaMode {
    /// HTTP 400 at create.
    #[default]
    FailFast,
    /// The batch is created and fails in validation.
    FailLater,
}
