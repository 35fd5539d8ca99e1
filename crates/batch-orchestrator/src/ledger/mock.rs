//! A `mockall` mock of the ledger.

use async_trait::async_trait;

use super::{
    ClaimRequest, Claims, Commit, Gathering, JobQuery, JobView, Lease, LeaseRef, Ledger, LedgerAdmin,
    LedgerError, PollRequest, PollTurn, RecordKey, WorkerId,
};
use crate::{
    model::{InputSnapshot, JobKey, Timestamp},
    quota::QuotaView,
};

mockall::mock! {
    /// A mock of [`Ledger`].
    #[derive(Debug)]
    pub Ledger {}

    #[async_trait]
    impl Ledger for Ledger {
        fn id(&self) -> &str;
        async fn now(&self) -> Result<Timestamp, LedgerError>;
        async fn discover(
            &self,
            account: &str,
            seen: &[InputSnapshot],
            listed_at: Timestamp,
        ) -> Result<Vec<JobKey>, LedgerError>;
        async fn claim(&self, request: &ClaimRequest) -> Result<Claims, LedgerError>;
        async fn places(
            &self,
            worker: &WorkerId,
            window: usize,
            ttl: std::time::Duration,
        ) -> Result<i64, LedgerError>;
        async fn heartbeat(
            &self,
            held: &[LeaseRef],
            ttl: std::time::Duration,
        ) -> Result<Vec<LeaseRef>, LedgerError>;
        async fn commit(&self, lease: &LeaseRef, commit: Commit) -> Result<Option<Lease>, LedgerError>;
        async fn observe(&self, batches: &[aoai_batch_client::Batch]) -> Result<u64, LedgerError>;
        async fn poll_turn(&self, request: &PollRequest) -> Result<PollTurn, LedgerError>;
        async fn reserve(&self, name: &str, job: &JobKey) -> Result<bool, LedgerError>;
        async fn gather(&self, gathering: &Gathering) -> Result<bool, LedgerError>;
        async fn quotas(&self) -> Result<Vec<QuotaView>, LedgerError>;
        async fn view(&self, query: &JobQuery) -> Result<Vec<JobView>, LedgerError>;
    }

    #[async_trait]
    impl LedgerAdmin for Ledger {
        async fn retry_failed(&self) -> Result<(), LedgerError>;
        async fn cancel(&self, job: &JobKey) -> Result<bool, LedgerError>;
        async fn prune(&self, before: Timestamp, most: u32) -> Result<u64, LedgerError>;
        async fn restore(&self, jobs: &[JobView]) -> Result<u64, LedgerError>;
        async fn resolve(&self, key: &RecordKey, version: i64, commit: Commit) -> Result<(), LedgerError>;
    }
}
