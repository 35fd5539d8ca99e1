//! The trait.

use async_trait::async_trait;

use super::{ClaimRequest, Claims, Commit, InFlight, JobQuery, JobView, Lease, LeaseRef, LedgerError};
use crate::model::{InputSnapshot, JobKey, Timestamp};

/// The durable ledger: which inputs were seen, where every job and part stands, and who works on it.
///
/// # Guarantees that every implementation gives
/// * `Ok` means durable: it survives a crash of the process and of the machine.
/// * A commit is one transaction: state, event, new parts and the wake-up of the job, or nothing.
/// * Only the holder of the newest lease of a record can commit to it; everybody else gets `Fenced`.
/// * Claims hand out a record to one holder at a time, and never more parts than the window allows.
///
/// The suite in [`conformance`](super::conformance) checks them.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Ledger: Send + Sync {
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

    /// The batches that run.
    async fn in_flight(&self) -> Result<InFlight, LedgerError>;

    /// Jobs with their parts, oldest first.
    async fn view(&self, query: &JobQuery) -> Result<Vec<JobView>, LedgerError>;

    /// Makes everything that waits after a failure due now, and foreign jobs seen again: a new run tries at once, and
    /// looks whether the other ledger's claim still stands.
    async fn retry_failed(&self) -> Result<(), LedgerError>;
}
