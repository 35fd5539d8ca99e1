//! What validation decided: how a file is sent and where its results will be.

use adls_io::Location;
use token_estimator::Provenance;

use super::Again;

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
    /// The name in each line that `upload_bytes` counts, where names are rewritten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<String>,
    /// Of a further attempt: what it is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Box<Again>>,
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
    /// The most that the lines may be answered with; `None` if one of them sets no limit.
    #[serde(default)]
    pub max_output: Option<u64>,
}

impl PartPlan {
    /// What is reserved of the enqueued-token quota for it.
    #[must_use]
    pub fn quota_tokens(&self) -> u64 {
        self.tokens.reserved()
    }
}

impl TokenTotals {
    /// No lines.
    pub const ZERO: Self = Self { prompt: 0, quota: 0, provenance: None, max_output: Some(0) };

    /// A line that was not counted.
    pub const UNKNOWN: Self = Self { max_output: None, ..Self::ZERO };

    /// What is reserved of the enqueued-token quota: the service compares a figure made from characters at the create, and the
    /// true count later, so it is the larger of both, with a tenth to spare for the latter.
    #[must_use]
    pub fn reserved(&self) -> u64 {
        self.quota.max(self.prompt.saturating_add(self.prompt.div_ceil(10)))
    }

    /// Adds another total.
    pub fn add(&mut self, other: Self) {
        self.prompt += other.prompt;
        self.quota += other.quota;
        self.provenance = self.provenance.max(other.provenance);
        self.max_output = self.max_output.zip(other.max_output).map(|(a, b)| a.saturating_add(b));
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
