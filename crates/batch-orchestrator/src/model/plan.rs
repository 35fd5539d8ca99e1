//! What validation decided: how a file is sent and where its results will be.

use adls_io::Location;
use token_estimator::Provenance;

/// How a valid file is processed. Computed once, from the bytes alone: the same file gives the same plan.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct JobPlan {
    /// SHA-256 of the input, in hexadecimal.
    pub sha256: String,
    /// Request lines.
    pub lines: u64,
    /// What the lines name as `model`.
    pub model: String,
    /// Estimated tokens of all lines.
    pub tokens: TokenTotals,
    /// The parts, in the order of the input.
    pub parts: Vec<PartPlan>,
}

/// A run of lines that is one batch.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PartPlan {
    /// From 1.
    pub number: u32,
    /// The first line, from 1.
    pub first_line: u64,
    /// Number of lines.
    pub lines: u64,
    /// First byte in the input.
    pub offset: u64,
    /// Bytes in the input, line ends included.
    pub bytes: u64,
    /// Bytes that are uploaded; differs from `bytes` where the model is rewritten.
    pub upload_bytes: u64,
    /// Estimated tokens.
    pub tokens: TokenTotals,
}

/// Estimated tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TokenTotals {
    /// Prompt tokens.
    pub prompt: u64,
    /// What the service is expected to count against the enqueued-token quota.
    pub quota: u64,
    /// The worst way in which a line was counted; `None` if nothing was counted.
    pub provenance: Option<Provenance>,
}

impl TokenTotals {
    /// Nothing counted.
    pub const ZERO: Self = Self { prompt: 0, quota: 0, provenance: None };

    /// Adds another total.
    pub fn add(&mut self, other: Self) {
        self.prompt += other.prompt;
        self.quota += other.quota;
        self.provenance = self.provenance.max(other.provenance);
    }
}

/// Where the results of a job go. Fixed when the job is planned: a restart must not choose again.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Target {
    /// Directory for what succeeded.
    pub processed: Location,
    /// Directory for what failed.
    pub error: Location,
    /// File name up to the last dot.
    pub stem: String,
    /// The last dot and what follows; empty where the name has no dot.
    pub extension: String,
}

impl Target {
    /// `<stem>_<what><extension>`, as in `a_output.jsonl`.
    #[must_use]
    pub fn file_name(&self, what: &str) -> String {
        format!("{}_{what}{}", self.stem, self.extension)
    }

    /// The name of the input.
    #[must_use]
    pub fn raw_name(&self) -> String {
        format!("{}{}", self.stem, self.extension)
    }
}
