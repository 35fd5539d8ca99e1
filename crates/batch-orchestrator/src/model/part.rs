//! One attempt at one part of a job: one billable batch at the most.

use aoai_batch_client::{Batch, BatchId};

use super::{
    Artifact, CancelReason, Cancelling, DeploymentId, InputSnapshot, JobKey, PartKey, PartPlan, Problem,
    Strays, Submission, Timestamp, Unanswered,
};

/// A part attempt as the ledger keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct PartRecord {
    /// Job, part and attempt.
    pub key: PartKey,
    /// Which lines.
    pub plan: PartPlan,
    /// Of which input version.
    pub input: InputSnapshot,
    /// Where it stands.
    pub state: PartState,
    /// Where it is sent; `None` before that is decided.
    pub deployment: Option<DeploymentId>,
    /// What it costs, once there is an intent.
    pub spending: Option<Spending>,
    /// The batch as a poll last saw it; only in `Submitted`.
    pub remote: Option<Batch>,
    /// When a person asked for the end of its job.
    pub cancel: Option<Timestamp>,
    /// Counts the commits.
    pub version: i64,
    /// Failures of the present state in a row.
    pub failures: u32,
    /// The last of them.
    pub problem: Option<Problem>,
    /// When there is something to do.
    pub due_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// The cost of a part attempt: expected, until its usage is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Spending {
    /// When the intent was written.
    pub at: Timestamp,
    /// In billionths of a dollar.
    pub cost: u64,
}

/// What is true of a part attempt now.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PartState {
    /// Waits for a place in the window.
    Ready,
    /// Its lines are sent in a bundle with those of other small files. Next: take its share of the results.
    Merged {
        /// The bundle's job.
        bundle: JobKey,
    },
    /// Its history is lost: it may have been sent. Next: look for what the service has of it.
    Recovering {
        /// Since when.
        since: Timestamp,
    },
    /// Its bytes are on the way to where the service reads them; free of charge.
    Uploading {
        /// The generation.
        generation: u32,
        /// When it began.
        since: Timestamp,
        /// What went before.
        strays: Strays,
    },
    /// The input is where the service reads it. Next: wait until the service has processed a file.
    Uploaded(Submission),
    /// **The intent to pay.** Written before the one `POST /batches` of this generation.
    Creating {
        /// Of what.
        submission: Submission,
        /// When the intent was written.
        intent_at: Timestamp,
    },
    /// The `POST` may have been carried out. Next: list and adopt.
    Uncertain {
        /// Of what.
        submission: Submission,
        /// When the intent was written.
        intent_at: Timestamp,
        /// Since when it is uncertain.
        since: Timestamp,
    },
    /// No batch was found. The input is deleted so that a late `POST` finds nothing; then list once more.
    Fencing {
        /// Of what.
        submission: Submission,
        /// When the intent was written.
        intent_at: Timestamp,
        /// When the input was gone.
        deleted_at: Option<Timestamp>,
    },
    /// The batch runs; the poller watches it.
    Submitted {
        /// Of what.
        submission: Submission,
        /// The batch.
        batch_id: BatchId,
        /// When we knew.
        since: Timestamp,
    },
    /// The batch has ended, or there will be none. Next: fetch what it produced.
    Ended {
        /// Of what; `None` if nothing was ever uploaded.
        submission: Option<Submission>,
        /// The batch as it ended; `None` if there never was one.
        batch: Option<Box<Batch>>,
        /// Why no line has a result, if so.
        failure: Option<PartFailure>,
    },
    /// Nothing more to do for this attempt.
    Resolved(Box<PartResult>),
    /// Something that must not be decided without a person.
    Quarantined {
        /// Why.
        reason: String,
        /// The state before.
        was: Box<Self>,
    },
}

impl PartState {
    /// The states that occupy a place in the window of `max_in_flight`.
    pub const IN_FLIGHT: [&'static str; 8] =
        ["recovering", "uploading", "uploaded", "creating", "uncertain", "fencing", "submitted", "ended"];

    /// The name in the ledger's `state` column.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Merged { .. } => "merged",
            Self::Uploading { .. } => "uploading",
            Self::Recovering { .. } => "recovering",
            Self::Uploaded(_) => "uploaded",
            Self::Creating { .. } => "creating",
            Self::Uncertain { .. } => "uncertain",
            Self::Fencing { .. } => "fencing",
            Self::Submitted { .. } => "submitted",
            Self::Ended { .. } => "ended",
            Self::Resolved(_) => "resolved",
            Self::Quarantined { .. } => "quarantined",
        }
    }

    /// Whether nothing will happen any more to this attempt without a person.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        matches!(self, Self::Resolved(_) | Self::Quarantined { .. })
    }

    /// Whether its tokens count against the deployment's quota: a batch of it may be enqueued.
    #[must_use]
    pub fn holds_quota(&self) -> bool {
        matches!(
            self,
            Self::Creating { .. } | Self::Uncertain { .. } | Self::Fencing { .. } | Self::Submitted { .. }
        )
    }

    /// Whether the way from `before` to this state gives room back. What the service refused gives none: whoever waits would
    /// only be refused as well.
    #[must_use]
    pub fn frees_quota(&self, before_held: bool) -> bool {
        before_held && !self.holds_quota() && self.waits_since().is_none()
    }

    /// Since when it waits for room at its deployment, if it does.
    #[must_use]
    pub fn waits_since(&self) -> Option<Timestamp> {
        match self {
            Self::Uploaded(submission) => submission.postponed_since,
            _ => None,
        }
    }

    /// How often this was tried before in vain, where trying again goes through other states.
    #[must_use]
    pub fn setbacks(&self) -> u32 {
        match self {
            Self::Uploading { strays, .. } => strays.setbacks.count,
            Self::Uploaded(submission) => submission.postponed,
            _ => 0,
        }
    }

    /// Why its end is wanted, while a batch runs.
    #[must_use]
    pub fn cancelling(&self) -> Option<Cancelling> {
        match self {
            Self::Submitted { submission, .. } => submission.cancelling,
            _ => None,
        }
    }

    /// The batch, while one runs.
    #[must_use]
    pub fn batch_id(&self) -> Option<&BatchId> {
        match self {
            Self::Submitted { batch_id, .. } => Some(batch_id),
            _ => None,
        }
    }
}

/// How a part attempt ended.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct PartResult {
    /// Job, part and attempt.
    pub key: PartKey,
    /// Which lines.
    pub plan: PartPlan,
    /// Where it was sent.
    #[serde(default)]
    pub deployment: Option<DeploymentId>,
    /// Of what; `None` if nothing was ever uploaded.
    pub submission: Option<Submission>,
    /// The batch as it ended; `None` if there never was one.
    pub batch: Option<Batch>,
    /// Why no line has a result, if so.
    pub failure: Option<PartFailure>,
    /// The bundle in which its lines were sent, if they were. Then the batch is the bundle's, and so are its files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<JobKey>,
    /// What was fetched.
    pub harvest: Harvest,
    /// What it was expected to cost and what it did, in billionths of a dollar; `None` where there is no price.
    #[serde(default)]
    pub cost: Option<PartCost>,
}

/// What a part was expected to cost, and what it did, in billionths of a dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PartCost {
    /// The prompts alone.
    pub expected_low: u64,
    /// With answers as long as they may be.
    pub expected_high: u64,
    /// By the usage of the answers.
    pub actual: u64,
}

/// Why a part has no result at all.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PartFailure {
    /// The service's code.
    pub code: String,
    /// The service's words.
    pub message: String,
}

impl PartFailure {
    /// The input was replaced before the part was sent.
    pub const INPUT_REPLACED: &'static str = "input_replaced";
    /// The service could not use any of the generations that were uploaded.
    pub const FILE_UNUSABLE: &'static str = "input_file_unusable";
    /// No creation was ever confirmed; all generations are fenced off.
    pub const UNCONFIRMED: &'static str = "submission_unconfirmed";

    /// The input was replaced before the part was sent.
    #[must_use]
    pub fn input_replaced() -> Self {
        let message = "the input was replaced or removed before these lines were sent".to_owned();
        Self { code: Self::INPUT_REPLACED.to_owned(), message }
    }

    /// Nothing was sent, for its end was wanted before.
    #[must_use]
    pub fn unwanted(reason: CancelReason) -> Self {
        Self { code: reason.code().to_owned(), message: reason.message().to_owned() }
    }

    /// Whether a further attempt may do better: nothing was executed, and nothing of it can be any more.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        [Self::FILE_UNUSABLE, Self::UNCONFIRMED].contains(&self.code.as_str())
    }

    /// Whether the input was replaced before the part was sent.
    #[must_use]
    pub fn is_input_replaced(&self) -> bool {
        self.code == Self::INPUT_REPLACED
    }
}

/// The results of a part in the lake's work directory, in their final order: all that was settled up to this attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Harvest {
    /// Successful lines; `None` if there are none.
    pub output: Option<Artifact>,
    /// Error lines; `None` if there are none.
    pub error: Option<Artifact>,
    /// The request lines that failed; `None` if there are none.
    pub failed: Option<Artifact>,
    /// The lines that are sent once more; `None` if this attempt is the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Unanswered>,
    /// Lines that succeeded in this attempt.
    #[serde(default)]
    pub answered: u64,
    /// Prompt tokens of this attempt, by usage.
    pub prompt_tokens: u64,
    /// Of these, read from the cache.
    pub cached_tokens: u64,
    /// Completion tokens, by usage.
    pub completion_tokens: u64,
}
