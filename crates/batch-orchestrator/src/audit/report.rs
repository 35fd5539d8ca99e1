//! What an audit says.

use std::collections::BTreeMap;

use adls_io::Location;

use crate::model::JobKey;

/// So many findings of a kind are kept; the counts are exact.
const KEPT: u64 = 100;

/// What was found in a published directory.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Audit {
    /// The directory that was asked about.
    pub directory: Location,
    /// All directories of the job that have been looked at.
    pub directories: Vec<Location>,
    /// The job, as its manifest says.
    pub job: Option<JobKey>,
    /// Requests of the input.
    pub lines: u64,
    /// Lines of the output.
    pub output: u64,
    /// Lines of the errors.
    pub errors: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Whether the input could be compared; if not, it was replaced by another version before its results were there.
    pub with_input: bool,
    /// What is wrong, at most a hundred of each kind.
    pub findings: Vec<AuditFinding>,
    /// How much of each kind there is.
    pub counts: BTreeMap<AuditKind, u64>,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct AuditFinding {
    /// What kind.
    pub kind: AuditKind,
    /// The file.
    pub file: String,
    /// The line in it, from 1.
    pub line: Option<u64>,
    /// For people.
    pub message: String,
}

/// The kinds of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditKind {
    /// There is no manifest, or it cannot be read.
    Manifest,
    /// A directory of the job is not there.
    MissingDirectory,
    /// A file that the manifest names is not there.
    MissingFile,
    /// A file has another length, number of lines or hash than the manifest says.
    ChangedFile,
    /// A file that the manifest does not name.
    StrangeFile,
    /// A line is no request or result.
    UnreadableLine,
    /// A result or failed request of something that is not in the input.
    UnknownId,
    /// A `custom_id` is there twice.
    DuplicateId,
    /// A request has no result.
    MissingId,
    /// A failed line in the output, or a successful one in the errors.
    WrongFile,
    /// The manifest's counts are not what the files hold.
    WrongCount,
}

impl AuditKind {
    /// As it is written in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::MissingDirectory => "missing_directory",
            Self::MissingFile => "missing_file",
            Self::ChangedFile => "changed_file",
            Self::StrangeFile => "strange_file",
            Self::UnreadableLine => "unreadable_line",
            Self::UnknownId => "unknown_id",
            Self::DuplicateId => "duplicate_id",
            Self::MissingId => "missing_id",
            Self::WrongFile => "wrong_file",
            Self::WrongCount => "wrong_count",
        }
    }
}

impl Audit {
    pub(super) fn new(directory: Location) -> Self {
        Self {
            directories: vec![directory.clone()],
            directory,
            job: None,
            lines: 0,
            output: 0,
            errors: 0,
            bytes: 0,
            with_input: false,
            findings: Vec::new(),
            counts: BTreeMap::new(),
        }
    }

    /// Whether everything is as it should be.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.counts.is_empty()
    }

    /// How many findings there are, also those that were not kept.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    pub(super) fn add(
        &mut self,
        kind: AuditKind,
        file: &(impl ToString + ?Sized),
        line: Option<u64>,
        message: impl Into<String>,
    ) {
        self.add_many(kind, 1, file, line, message);
    }

    pub(super) fn add_missing_directory(&mut self, directory: &Location) {
        let message = "the directory is not there: removed, or renamed";
        self.add(AuditKind::MissingDirectory, directory, None, message);
    }

    /// Several of one kind that are said in one go.
    pub(super) fn add_many(
        &mut self,
        kind: AuditKind,
        many: u64,
        file: &(impl ToString + ?Sized),
        line: Option<u64>,
        message: impl Into<String>,
    ) {
        let kept = self.findings.iter().filter(|finding| finding.kind == kind).count() as u64;
        *self.counts.entry(kind).or_default() += many;
        if kept < KEPT {
            self.findings.push(AuditFinding { kind, file: file.to_string(), line, message: message.into() });
        }
    }
}
