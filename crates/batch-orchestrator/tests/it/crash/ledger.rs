//! The ledger, with crashes.

use std::sync::atomic::Ordering;

use aoai_batch_client::Batch;
use async_trait::async_trait;
use batch_orchestrator::{
    ledger::{
        ClaimRequest, Claims, Commit, Gathering, JobQuery, JobView, Lease, LeaseRef, Ledger, LedgerAdmin,
        LedgerError, MemoryLedger, PollRequest, PollTurn, RecordKey, WorkerId,
    },
    model::{InputSnapshot, JobKey, Timestamp},
};

use super::Crashing;

impl Crashing<MemoryLedger> {
    /// Backs the ledger up when it is time; only its own effects come by here, which is often enough.
    fn back_up(&self) {
        let mut backup = self.1.backup.lock().unwrap();
        if backup.is_none() && self.1.effects.load(Ordering::SeqCst) >= self.1.backup_at {
            *backup = Some(self.0.backup());
        }
    }
}

#[async_trait]
impl Ledger for Crashing<MemoryLedger> {
    fn id(&self) -> &str {
        self.0.id()
    }
    async fn now(&self) -> Result<Timestamp, LedgerError> {
        self.0.now().await
    }
    async fn discover(
        &self,
        a: &str,
        seen: &[InputSnapshot],
        at: Timestamp,
    ) -> Result<Vec<JobKey>, LedgerError> {
        self.1.effect(self.0.discover(a, seen, at)).await
    }
    async fn claim(&self, request: &ClaimRequest) -> Result<Claims, LedgerError> {
        self.0.claim(request).await
    }
    async fn places(
        &self,
        worker: &WorkerId,
        window: usize,
        ttl: std::time::Duration,
    ) -> Result<i64, LedgerError> {
        self.0.places(worker, window, ttl).await
    }
    async fn heartbeat(
        &self,
        held: &[LeaseRef],
        ttl: std::time::Duration,
    ) -> Result<Vec<LeaseRef>, LedgerError> {
        self.0.heartbeat(held, ttl).await
    }
    async fn commit(&self, lease: &LeaseRef, commit: Commit) -> Result<Option<Lease>, LedgerError> {
        self.back_up();
        self.1.effect(self.0.commit(lease, commit)).await
    }
    async fn observe(&self, batches: &[Batch]) -> Result<u64, LedgerError> {
        self.0.observe(batches).await
    }
    async fn poll_turn(&self, request: &PollRequest) -> Result<PollTurn, LedgerError> {
        self.0.poll_turn(request).await
    }
    async fn reserve(&self, name: &str, job: &JobKey) -> Result<bool, LedgerError> {
        self.1.effect(self.0.reserve(name, job)).await
    }
    async fn gather(&self, gathering: &Gathering) -> Result<bool, LedgerError> {
        self.back_up();
        self.1.effect(self.0.gather(gathering)).await
    }
    async fn quotas(&self) -> Result<Vec<batch_orchestrator::quota::QuotaView>, LedgerError> {
        self.0.quotas().await
    }
    async fn view(&self, query: &JobQuery) -> Result<Vec<JobView>, LedgerError> {
        self.0.view(query).await
    }
}

#[async_trait]
impl LedgerAdmin for Crashing<MemoryLedger> {
    async fn retry_failed(&self) -> Result<(), LedgerError> {
        self.0.retry_failed().await
    }
    async fn cancel(&self, job: &JobKey) -> Result<bool, LedgerError> {
        self.1.effect(self.0.cancel(job)).await
    }
    async fn prune(&self, before: Timestamp, most: u32) -> Result<u64, LedgerError> {
        self.0.prune(before, most).await
    }
    async fn restore(&self, jobs: &[JobView]) -> Result<u64, LedgerError> {
        self.1.effect(self.0.restore(jobs)).await
    }
    async fn resolve(&self, key: &RecordKey, version: i64, commit: Commit) -> Result<(), LedgerError> {
        self.1.effect(self.0.resolve(key, version, commit)).await
    }
}
