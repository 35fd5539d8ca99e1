//! One version of one input file, on its way.

use adls_io::Location;

use super::{InputSnapshot, JobKey, JobPlan, PartKey, PartPlan, PartResult, Problem, Target, Timestamp};

/// A job as the ledger keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRecord {
    /// Derived from the input version.
    pub key: JobKey,
    /// The input version.
    pub input: InputSnapshot,
    /// Where it stands.
    pub state: JobState,
    /// When a person asked for its end.
    pub cancel: Option<Timestamp>,
    /// Counts the commits.
    pub version: i64,
    /// Failures of the present state in a row.
    pub failures: u32,
    /// The last of them.
    pub problem: Option<Problem>,
    /// When there is something to do.
    pub due_at: Timestamp,
    /// When it was discovered.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl JobRecord {
    /// Whether its input is a bundle: a file that was put together from the small files of other jobs.
    #[must_use]
    pub fn is_bundle(&self) -> bool {
        self.input.is_bundle()
    }
}

/// A file in a bundle.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Member {
    /// The one part of the file's own job.
    pub part: PartKey,
    /// Which file.
    pub input: InputSnapshot,
    /// Its lines.
    pub plan: PartPlan,
}

/// What is true of a job now. See ARCHITECTURE.md for the picture.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum JobState {
    /// A listing saw the file. Next: take the claim marker.
    Seen,
    /// A bundle, of which only the members are decided. Next: put their lines together.
    Merging {
        /// In the order of the bundle.
        members: Vec<Member>,
    },
    /// The claim marker is ours. Next: validate and plan.
    Claimed,
    /// Its parts are on their way; the job wakes when all of them are resolved.
    Running {
        /// How the file is sent.
        plan: Box<JobPlan>,
        /// Where the results go.
        target: Target,
        /// When the plan was made.
        planned_at: Timestamp,
        /// Whether files may be at the service that no part knows of.
        #[serde(default)]
        must_list: bool,
    },
    /// Everything is known. Next: write and verify the results, archive the input, write the manifest.
    Publishing(Box<Publication>),
    /// The results are durable and verified. Next: delete the service's files, then our own traces.
    Published {
        /// What was published.
        publication: Box<Publication>,
        /// The results.
        totals: Totals,
        /// What became of the input.
        raw: RawInput,
    },
    /// Finished.
    Done {
        /// How it ended.
        outcome: Outcome,
        /// Where the results are.
        target: Target,
        /// The results.
        totals: Totals,
        /// What became of the input.
        raw: RawInput,
    },
    /// The file changed or vanished before anything was sent: nothing to do. A new version is a new job.
    Dropped {
        /// Why.
        reason: String,
    },
    /// Another ledger works on this input.
    Foreign {
        /// The id of that ledger.
        owner: String,
    },
    /// Something that must not be decided without a person. Nothing is deleted, nothing sent.
    Quarantined {
        /// Why.
        reason: String,
        /// The state before.
        was: Box<Self>,
    },
}

impl JobState {
    /// The name in the ledger's `state` column.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Merging { .. } => "merging",
            Self::Claimed => "claimed",
            Self::Running { .. } => "running",
            Self::Publishing(_) => "publishing",
            Self::Published { .. } => "published",
            Self::Done { .. } => "done",
            Self::Dropped { .. } => "dropped",
            Self::Foreign { .. } => "foreign",
            Self::Quarantined { .. } => "quarantined",
        }
    }

    /// Whether nothing will happen any more without a person.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        matches!(
            self,
            Self::Done { .. } | Self::Dropped { .. } | Self::Foreign { .. } | Self::Quarantined { .. }
        )
    }
}

/// Everything that publishing needs; a restart publishes the very same bytes.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Publication {
    /// The plan; `None` for a file that was refused.
    pub plan: Option<JobPlan>,
    /// Where to.
    pub target: Target,
    /// The results of the parts, in order; empty for a file that was refused.
    pub parts: Vec<PartResult>,
    /// For a file that was refused: what is wrong with it, by line.
    pub rejection: Option<Artifact>,
    /// When the plan was made.
    pub planned_at: Timestamp,
    /// When the last part was resolved.
    pub decided_at: Timestamp,
    /// Whether files may be at the service that no part knows of.
    #[serde(default)]
    pub must_list: bool,
}

/// A file that was written to the lake.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Artifact {
    /// Where it is.
    pub location: Location,
    /// Bytes.
    pub bytes: u64,
    /// Lines.
    pub lines: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

/// The sum of a job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Totals {
    /// Request lines of the input.
    pub lines: u64,
    /// Lines with a successful answer.
    pub output: u64,
    /// Lines without.
    pub error: u64,
    /// Of the successful answers, those that are not what their request asked for; `None` where that was not checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonconforming: Option<u64>,
    /// Estimated prompt tokens.
    pub estimated_tokens: u64,
    /// Prompt tokens, by the usage of the answers.
    pub prompt_tokens: u64,
    /// Of these, read from the cache.
    pub cached_tokens: u64,
    /// Completion tokens, by the usage of the answers.
    pub completion_tokens: u64,
    /// What the answers cost, in billionths of a dollar; `None` where there is no price.
    #[serde(default)]
    pub cost: Option<u64>,
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every line succeeded.
    Completed,
    /// Some lines succeeded.
    Partial,
    /// No line succeeded.
    Failed,
    /// The file was refused before anything was sent.
    Rejected,
}

/// What became of the input.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "raw", rename_all = "snake_case")]
pub enum RawInput {
    /// It was moved beside its results.
    Archived {
        /// Where it is now.
        location: Location,
    },
    /// Somebody replaced or removed it while its batch ran; the results are of the version that was sent.
    Replaced,
}
