//! What validation found.

use std::collections::BTreeMap;

use crate::model::JobPlan;

/// Findings of one kind that are kept with line and message; the counts are exact beyond that.
pub(super) const KEPT_PER_CODE: u64 = 100;

/// One thing that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// The line, from 1; `None` for the file as a whole.
    pub line: Option<u64>,
    /// The byte at which the line starts.
    pub offset: u64,
    /// What kind of wrong.
    pub code: FindingCode,
    /// What is wrong, and what was expected.
    pub message: String,
    /// What to do.
    pub hint: &'static str,
}

/// What kind of wrong. Spelled as the service's own code where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingCode {
    /// The file has no lines (the service's code).
    EmptyFile,
    /// The line is not a JSON object (the service's code).
    InvalidJsonLine,
    /// A field is missing or of the wrong kind (the service's code).
    InvalidRequest,
    /// The `url` is not that of the batch (the service's code).
    UrlMismatch,
    /// Two lines have the same `custom_id` (the service's code).
    DuplicateCustomId,
    /// The lines name different models, or not the configured deployment (the service's code).
    ModelMismatch,
    /// More lines than a batch may have (the service's code).
    TooManyTasks,
    /// Not UTF-8 without byte order mark.
    InvalidEncoding,
    /// Larger than an input file may be.
    FileTooLarge,
    /// Longer than `limits.max_line_bytes`.
    LineTooLong,
    /// More tokens than the deployment's quota could ever admit (`limits.max_line_tokens`).
    LineExceedsQuota,
}

impl FindingCode {
    /// As written in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EmptyFile => "empty_file",
            Self::InvalidJsonLine => "invalid_json_line",
            Self::InvalidRequest => "invalid_request",
            Self::UrlMismatch => "url_mismatch",
            Self::DuplicateCustomId => "duplicate_custom_id",
            Self::ModelMismatch => "model_mismatch",
            Self::TooManyTasks => "too_many_tasks",
            Self::InvalidEncoding => "invalid_encoding",
            Self::FileTooLarge => "file_too_large",
            Self::LineTooLong => "line_too_long",
            Self::LineExceedsQuota => "line_exceeds_quota",
        }
    }
}

/// Everything that validation found in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Lines read.
    pub lines: u64,
    /// Bytes read.
    pub bytes: u64,
    /// SHA-256 of the bytes read, in hexadecimal.
    pub sha256: String,
    /// Exact counts by kind.
    pub counts: BTreeMap<FindingCode, u64>,
    /// The first hundred of each kind, in the order of the file.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.counts.is_empty()
    }

    /// How many things are wrong.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Adds what is wrong with the file as a whole, before all else.
    pub(super) fn add_first(&mut self, finding: Finding) {
        *self.counts.entry(finding.code).or_default() += 1;
        self.findings.insert(0, finding);
    }

    /// Counts what is not kept.
    pub(super) fn add_uncited(&mut self, code: FindingCode, count: u64) {
        *self.counts.entry(code).or_default() += count;
    }

    pub(super) fn add(&mut self, finding: Finding) {
        let count = self.counts.entry(finding.code).or_default();
        *count += 1;
        if *count <= KEPT_PER_CODE {
            self.findings.push(finding);
        }
    }
}

/// The end of a validation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is wrong; this is how the file is sent.
    Valid(Box<JobPlan>),
    /// Something is wrong.
    Invalid(Report),
}
