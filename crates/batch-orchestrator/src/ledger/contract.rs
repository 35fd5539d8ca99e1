//! The trait.

use async_trait::async_trait;

use super::{
    ClaimRequest, Claims, Commit, Gathering, JobQuery, JobView, Lease, LeaseRef, LedgerError, PollRequest,
    PollTurn, RecordKey, WorkerId,
};
use crate::{
    model::{InputSnapshot, JobKey, Timestamp},
    quota::QuotaView,
};

/// The durable ledger: which inputs were seen, where every job and part stands, and who works on it.
///
/// # Guarantees that every implementation gives
/// * `Ok` means durable: it survives a crash of the process and of the machine.
/// * A commit is one transaction: state, event, new parts and the wake-up of the job, or nothing.
/// * Only the holder of the newest lease of a record can commit to it; everybody else gets `Fenced`.
/// * Claims hand out a record to one holder at a time, and never more parts than the windows of the live workers allow
///   together.
/// * One worker at a time has the turn to poll an endpoint.
/// * An intent to create a batch is committed only if the deployment's quota and the budgets have room for it; two workers
///   never take the last of it both. Otherwise the part waits, and is due again when a batch of that deployment ends.
///
/// The suite in [`conformance`](super::conformance) checks them.
#[async_trait]
pub trait Ledger: LedgerAdmin {
    /// The id of this ledger; it is written into claim markers.
    fn id(&self) -> &str;

    /// The store's clock: the only clock of the protocol.
    async fn now(&self) -> Result<Timestamp, LedgerError>;

    /// Records inputs that are not known yet; answers with the keys of the new jobs.
    ///
    /// An input version that was finished before `listed_at` counts as new: somebody put it back.
    async fn discover(
        &self,
        account: &str,
        seen: &[InputSnapshot],
        listed_at: Timestamp,
    ) -> Result<Vec<JobKey>, LedgerError>;

    /// Takes what is due, parts before jobs, oldest first.
    async fn claim(&self, request: &ClaimRequest) -> Result<Claims, LedgerError>;

    /// Takes note of the places that a worker brings, as [`claim`](Self::claim) does. Answers how many of all places are free;
    /// less than none where more are taken.
    async fn places(
        &self,
        worker: &WorkerId,
        window: usize,
        ttl: std::time::Duration,
    ) -> Result<i64, LedgerError>;

    /// Extends leases; answers with those that are still ours.
    async fn heartbeat(
        &self,
        held: &[LeaseRef],
        ttl: std::time::Duration,
    ) -> Result<Vec<LeaseRef>, LedgerError>;

    /// Writes one transition. `Some` lease if it is kept, `None` if it was given back.
    async fn commit(&self, lease: &LeaseRef, commit: Commit) -> Result<Option<Lease>, LedgerError>;

    /// Records what a list poll saw; wakes the parts whose batch has ended. Answers how many parts changed.
    async fn observe(&self, batches: &[aoai_batch_client::Batch]) -> Result<u64, LedgerError>;

    /// Asks for the turn to poll an endpoint: granted if nobody holds it, if the holder's time has run out, or if it is
    /// this worker's already.
    async fn poll_turn(&self, request: &PollRequest) -> Result<PollTurn, LedgerError>;

    /// Gives a name, such as a result directory, to one job; `false` if another job has it. The names of a job are free
    /// again when it comes to rest.
    async fn reserve(&self, name: &str, job: &JobKey) -> Result<bool, LedgerError>;

    /// Makes parts the members of a bundle, and adds its job, in one transaction; `false` and no change if one of them is not
    /// `Ready` in this version any more. A lease on a member is void afterwards: a part that is `Ready` has nothing under way.
    async fn gather(&self, gathering: &Gathering) -> Result<bool, LedgerError>;

    /// The books of every deployment that a part was ever sent to.
    async fn quotas(&self) -> Result<Vec<QuotaView>, LedgerError>;

    /// Jobs with their parts, oldest first.
    async fn view(&self, query: &JobQuery) -> Result<Vec<JobView>, LedgerError>;
}

/// What is done to a ledger from outside the pipeline's steps: at the start of a run, and by a person.
#[async_trait]
pub trait LedgerAdmin: Send + Sync {
    /// Makes everything that waits after a failure due now, and foreign jobs seen again: a new run tries at once, and
    /// looks whether the other ledger's claim still stands.
    async fn retry_failed(&self) -> Result<(), LedgerError>;

    /// Marks a job and its parts for their end, due now; parts that are written later are marked like their job. Leases and
    /// versions stay: whoever holds a part sees the mark in its next step. `false` if the job is at rest, or unknown.
    async fn cancel(&self, job: &JobKey) -> Result<bool, LedgerError>;

    /// Forgets jobs that were finished before, with their parts and events: at most `most` of them, the oldest first; answers how
    /// many. Their keys are remembered, so a version that is put back later becomes another job.
    async fn prune(&self, before: Timestamp, most: u32) -> Result<u64, LedgerError>;

    /// Takes in jobs with their parts as they are, due now; those that are known stay as they are. Answers how many
    /// were new. For the work of a ledger that was lost.
    async fn restore(&self, jobs: &[JobView]) -> Result<u64, LedgerError>;

    /// Writes a person's decision over a record at rest, which nobody can hold.
    ///
    /// # Errors
    /// `Fenced` if the record is not at rest any more, or not in this version.
    async fn resolve(&self, key: &RecordKey, version: i64, commit: Commit) -> Result<(), LedgerError>;
}
