//! Configuration of what comes back for each line.

use serde::{Deserialize, Serialize};

use super::Secret;

/// Where the answer to a line comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AnswerConfig {
    /// A deterministic answer that repeats the last user message and says that it is the emulator's.
    Echo {
        /// How many characters of the message are repeated.
        max_chars: usize,
    },
    /// Every line is sent to an OpenAI-compatible server.
    Upstream(UpstreamConfig),
}

impl Default for AnswerConfig {
    fn default() -> Self {
        Self::Echo { max_chars: 200 }
    }
}

/// An OpenAI-compatible server that answers the lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UpstreamConfig {
    /// Base such as `http://127.0.0.1:8000/v1`; the line's url without `/v1` is appended.
    pub url: String,
    /// Sent as `Authorization: Bearer` where set.
    pub key: Option<Secret>,
    /// Replaces `body.model` of every line where set, for servers that know the model by another name.
    pub model: Option<String>,
    /// Requests in flight at once, per batch.
    pub concurrency: usize,
    /// Retries after 429, 5xx and connection failures.
    pub retries: u32,
    /// Milliseconds before the first retry, doubled each time; `retry-after` of the server wins.
    pub backoff_ms: u64,
    /// Seconds before a request is given up.
    pub timeout_s: u64,
}

impl Default for UpstreamConfig {
    fn default() -> Self {
        Self {
            url: String::new(),
            key: None,
            model: None,
            concurrency: 8,
            retries: 5,
            backoff_ms: 500,
            timeout_s: 600,
        }
    }
}

/// What becomes of the lines that match.
///
/// `fraction` and `custom_id_contains` both have to hold where both are given; a rule with neither matches all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutcomeRule {
    /// Share of the lines, drawn anew for each batch.
    #[serde(default)]
    pub fraction: Option<f64>,
    /// Lines whose `custom_id` contains this.
    #[serde(default)]
    pub custom_id_contains: Option<String>,
    /// Only the first so many batches that a `custom_id` is sent in: later attempts succeed.
    #[serde(default)]
    pub times: Option<u32>,
    /// What happens to them.
    pub outcome: Outcome,
}

/// What can become of a line other than success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Outcome {
    /// A line in the error file; not billed.
    Error {
        /// HTTP status of the line.
        status: u16,
        /// Error code, such as `content_filter`.
        code: String,
        /// Text; a made-up one where absent.
        #[serde(default)]
        message: Option<String>,
    },
    /// In neither file; not counted, not billed.
    Missing,
    /// Twice in the output file; billed once.
    Duplicate,
    /// In the output file with `status_code` 0, counted as completed; not billed.
    StatusZero,
}
