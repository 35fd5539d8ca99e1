//! What was sent to the service, and how it gets on there.

use super::{ServiceInput, Strays, Timestamp};

/// What every submitted generation has in common.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Submission {
    /// From 1; each has an input of its own, and an input that was deleted fences its generation off.
    pub generation: u32,
    /// What the batch reads.
    pub input: ServiceInput,
    /// SHA-256 of what the service was given, as lower-case hex, where that passed through here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Inputs of earlier generations and of doubtful uploads, to be deleted in the end.
    pub strays: Strays,
    /// How often the service had no room for the batch.
    pub postponed: u32,
    /// Since when.
    pub postponed_since: Option<Timestamp>,
    /// How far the batch was when it last got on; only kept where `run.stall_after` is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// Why its end is wanted, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelling: Option<Cancelling>,
}

impl Submission {
    /// An input that was just stored.
    #[must_use]
    pub fn new(generation: u32, input: ServiceInput, strays: Strays) -> Self {
        Self {
            generation,
            input,
            sha256: None,
            strays,
            postponed: 0,
            postponed_since: None,
            progress: None,
            cancelling: None,
        }
    }
}

impl Submission {
    /// What was noted of a batch is not true of the next one.
    pub(crate) fn forget_batch(&mut self) {
        (self.progress, self.cancelling) = (None, None);
    }
}

/// How far a batch was, and since when.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Progress {
    /// The service's word, such as `in_progress`.
    pub status: String,
    /// Lines that have ended in one way or the other.
    pub done: u64,
    /// When that was first seen, by the ledger's clock.
    pub since: Timestamp,
}

/// A batch whose end is wanted. Written down before the service is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Cancelling {
    /// Why.
    pub reason: CancelReason,
    /// Since when.
    pub since: Timestamp,
}

/// Why the end of a batch is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// A person asked for it.
    Requested,
    /// It has made no progress for `run.stall_after`.
    Stalled,
    /// Its file has passed `run.deadline`.
    Deadline,
}

impl CancelReason {
    /// For people, and for the lines that have no result.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::Requested => "cancelled on request before this line was executed",
            Self::Stalled => "cancelled because the batch made no progress for run.stall_after",
            Self::Deadline => "cancelled because the file had passed run.deadline",
        }
    }

    /// The code of lines that were never sent for this reason.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Requested => "cancelled",
            Self::Stalled => "stalled",
            Self::Deadline => "deadline_passed",
        }
    }
}
