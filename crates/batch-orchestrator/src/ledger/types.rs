//! What goes in and out of a ledger.

use std::time::Duration;

use adls_io::Location;

use crate::{
    model::{InputSnapshot, JobKey, JobRecord, JobState, PartKey, PartRecord, PartState, Problem, Timestamp},
    quota::Account,
};

/// Who works: unique for each process.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WorkerId(pub String);

/// The key of a job or of a part.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordKey {
    /// A job.
    Job(JobKey),
    /// A part attempt.
    Part(PartKey),
}

/// What to claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRequest {
    /// For whom.
    pub worker: WorkerId,
    /// At most how many records.
    pub limit: usize,
    /// How many places for parts in flight (uploading up to ended) this worker brings; the workers that live share all
    /// of them. Zero takes the worker off.
    pub window: usize,
    /// Whether to take parts that wait for a place. Without, they are nothing to wake up for either.
    pub admit: bool,
    /// Whether to take only jobs and parts whose end is wanted. The others are nothing to wake up for either.
    pub marked: bool,
    /// How long the lease holds without a heartbeat.
    pub ttl: Duration,
}

/// What was claimed, and what comes next.
#[derive(Debug, Default)]
pub struct Claims {
    /// The records, now leased.
    pub leases: Vec<Lease>,
    /// When the next record that is not leased becomes due; `None` if nothing waits.
    pub next_due: Option<Timestamp>,
    /// Jobs that are not at rest, leased ones included.
    pub unfinished: u64,
}

/// The wish to poll an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollRequest {
    /// For whom.
    pub worker: WorkerId,
    /// Any name that all workers use for the same service.
    pub endpoint: String,
    /// How long nobody else polls, unless this worker asks again; zero gives the turn back.
    pub hold: Duration,
}

/// Whose turn it is to poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollTurn {
    /// Ours. These batches run.
    Granted(InFlight),
    /// Another worker's until then.
    Until(Timestamp),
}

/// A record, held.
#[derive(Debug, Clone, PartialEq)]
pub enum Lease {
    /// A job.
    Job {
        /// Proof of holding it.
        lease: LeaseRef,
        /// The job.
        record: Box<JobRecord>,
    },
    /// A part.
    Part {
        /// Proof of holding it.
        lease: LeaseRef,
        /// The part.
        record: Box<PartRecord>,
    },
}

impl Lease {
    /// Proof of holding it.
    #[must_use]
    pub fn reference(&self) -> &LeaseRef {
        match self {
            Self::Job { lease, .. } | Self::Part { lease, .. } => lease,
        }
    }
}

/// Proof of holding a record: every write carries it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LeaseRef {
    /// Of what.
    pub key: RecordKey,
    /// Counts the claims of this record: an older one is void.
    pub fence: i64,
    /// The version that was read.
    pub version: i64,
}

/// One transition.
#[derive(Debug, Clone, PartialEq)]
pub enum Commit {
    /// Of a job.
    Job(JobCommit),
    /// Of a part.
    Part(PartCommit),
}

/// One transition of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobCommit {
    /// The next state.
    pub state: JobState,
    /// When it is due.
    pub due_at: Timestamp,
    /// Failures of this state in a row.
    pub failures: u32,
    /// The last of them.
    pub problem: Option<Problem>,
    /// New parts: `Ready`, `Recovering`, or `Uploaded` at their deployment.
    pub parts: Vec<PartRecord>,
    /// The input, where that is only known now: a bundle.
    pub input: Option<InputSnapshot>,
    /// Parts of other jobs that have waited for this: due at once.
    pub wake: Vec<PartKey>,
    /// Whether to keep the lease.
    pub keep: bool,
}

impl JobCommit {
    /// A transition that went well and gives the lease back.
    #[must_use]
    pub fn new(state: JobState, due_at: Timestamp) -> Self {
        let (parts, wake) = (Vec::new(), Vec::new());
        Self { state, due_at, failures: 0, problem: None, parts, input: None, wake, keep: false }
    }
}

/// One transition of a part. Entering `Resolved` wakes the job once no other part is pending.
#[derive(Debug, Clone, PartialEq)]
pub struct PartCommit {
    /// The next state.
    pub state: PartState,
    /// When it is due.
    pub due_at: Timestamp,
    /// Failures of this state in a row.
    pub failures: u32,
    /// The last of them.
    pub problem: Option<Problem>,
    /// Whether to keep the lease.
    pub keep: bool,
    /// What it means for the books of its deployment.
    pub account: Account,
    /// The next attempt at the part, with what has no result yet.
    pub next: Option<Box<PartRecord>>,
}

/// A bundle, and the parts whose lines go into it.
#[derive(Debug, Clone, PartialEq)]
pub struct Gathering {
    /// The bundle's job: new, and due.
    pub bundle: JobRecord,
    /// The parts, with the versions that were read. They become `Merged`.
    pub members: Vec<(PartKey, i64)>,
    /// When the members look by themselves, should nobody wake them before.
    pub due_at: Timestamp,
}

/// The batches that run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InFlight {
    /// How many.
    pub batches: u64,
    /// When the oldest became known to us.
    pub oldest: Option<Timestamp>,
}

/// Which jobs to look at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobQuery {
    /// Only this one; a prefix of at least four digits will do.
    pub key: Option<String>,
    /// Only those not at rest.
    pub unfinished: bool,
    /// Only those that wait for a person. With it, nothing else is looked at but the limit.
    pub quarantined: bool,
    /// Only those of this input, whichever version. With it, the key is not looked at.
    pub input: Option<Location>,
    /// At most so many, the newest.
    pub limit: Option<u32>,
}

/// A job and its parts.
#[derive(Debug, Clone, PartialEq)]
pub struct JobView {
    /// The job.
    pub job: JobRecord,
    /// Its part attempts, in order.
    pub parts: Vec<PartRecord>,
}

/// Why the ledger failed.
#[derive(Debug, thiserror::Error)]
#[error("{operation}: {message}")]
pub struct LedgerError {
    /// What the caller can do about it.
    pub kind: LedgerErrorKind,
    /// Such as `commit`.
    pub operation: &'static str,
    /// For people.
    pub message: String,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What the caller can do about a [`LedgerError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LedgerErrorKind {
    /// Somebody else holds the record now: drop it.
    Fenced,
    /// Another process works with this ledger.
    InUse,
    /// Written by a newer version of this software.
    Newer,
    /// Damaged, or not a ledger.
    Corrupt,
    /// No permission, no room, no such place.
    Unusable,
    /// Could not be reached, or was busy: try again.
    Unavailable,
}

impl LedgerError {
    /// An error without a cause.
    pub fn new(kind: LedgerErrorKind, operation: &'static str, message: impl Into<String>) -> Self {
        Self { kind, operation, message: message.into(), source: None }
    }
}
