//! A worker's ledger.

use std::time::Duration;

use async_trait::async_trait;
use batch_orchestrator::{
    ledger::{
        ClaimRequest, Claims, Commit, Gathering, JobQuery, JobView, Lease, LeaseRef, Ledger, LedgerAdmin,
        LedgerError, LedgerErrorKind, PollRequest, PollTurn, RecordKey, WorkerId,
    },
    model::{InputSnapshot, JobKey, Timestamp},
    quota::QuotaView,
};

use crate::{
    gate::{Fault, Gate, Kind, at_once},
    world::World,
};

pub(crate) struct SimLedger(pub(crate) Gate);

impl Fault for LedgerError {
    fn refused(_: &World, what: &'static str) -> Self {
        Self::new(LedgerErrorKind::Unavailable, what, "simulated: try later")
    }

    fn lost(what: &'static str) -> Self {
        Self::new(LedgerErrorKind::Unavailable, what, "simulated: no answer")
    }
}

impl SimLedger {
    async fn call<T: Send + 'static>(
        &self,
        what: &'static str,
        about: impl Into<String>,
        kind: Kind,
        apply: impl FnOnce(&World) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        if self.0.world.scenario.ledger_away.contains(&self.0.world.elapsed()) {
            return Err(Fault::lost(what));
        }
        self.0.call(what, about.into(), kind, apply).await
    }
}

fn name(key: &RecordKey) -> String {
    match key {
        RecordKey::Job(key) => format!("job {key}"),
        RecordKey::Part(key) => format!("part {key}"),
    }
}

fn described(commit: &Commit) -> String {
    match commit {
        Commit::Job(commit) => commit.state.name().to_owned(),
        Commit::Part(commit) => commit.state.name().to_owned(),
    }
}

#[async_trait]
impl LedgerAdmin for SimLedger {
    async fn retry_failed(&self) -> Result<(), LedgerError> {
        let apply = |world: &World| at_once(world.ledger.retry_failed());
        self.call("retry failed", "", Kind::Routine, apply).await
    }

    async fn cancel(&self, job: &JobKey) -> Result<bool, LedgerError> {
        let (about, job) = (job.to_string(), job.clone());
        self.call("cancel", about, Kind::Effect, move |world| at_once(world.ledger.cancel(&job))).await
    }

    async fn prune(&self, before: Timestamp, most: u32) -> Result<u64, LedgerError> {
        self.call("prune", "", Kind::Routine, move |world| at_once(world.ledger.prune(before, most))).await
    }

    async fn restore(&self, jobs: &[JobView]) -> Result<u64, LedgerError> {
        let jobs = jobs.to_vec();
        self.call("restore", "", Kind::Effect, move |world| at_once(world.ledger.restore(&jobs))).await
    }

    async fn resolve(&self, key: &RecordKey, version: i64, commit: Commit) -> Result<(), LedgerError> {
        let (about, key) = (name(key), key.clone());
        let apply = move |world: &World| at_once(world.ledger.resolve(&key, version, commit));
        self.call("resolve", about, Kind::Effect, apply).await
    }
}

#[async_trait]
impl Ledger for SimLedger {
    fn id(&self) -> &str {
        self.0.world.ledger.id()
    }

    async fn now(&self) -> Result<Timestamp, LedgerError> {
        self.call("now", "", Kind::Read, |world| at_once(world.ledger.now())).await
    }

    async fn discover(
        &self,
        account: &str,
        seen: &[InputSnapshot],
        listed_at: Timestamp,
    ) -> Result<Vec<JobKey>, LedgerError> {
        let (account, seen) = (account.to_owned(), seen.to_vec());
        let kind = if seen.is_empty() { Kind::Routine } else { Kind::Effect };
        let apply = move |world: &World| at_once(world.ledger.discover(&account, &seen, listed_at));
        self.call("discover", "", kind, apply).await
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Claims, LedgerError> {
        let request = request.clone();
        let apply = move |world: &World| {
            let claims = at_once(world.ledger.claim(&request))?;
            let mut oracle = world.oracle();
            for lease in &claims.leases {
                oracle.claimed(&lease.reference().key, lease.reference().fence);
            }
            Ok(claims)
        };
        self.call("claim", "", Kind::Routine, apply).await
    }

    async fn places(&self, worker: &WorkerId, window: usize, ttl: Duration) -> Result<i64, LedgerError> {
        let worker = worker.clone();
        let apply = move |world: &World| at_once(world.ledger.places(&worker, window, ttl));
        self.call("places", "", Kind::Routine, apply).await
    }

    async fn heartbeat(&self, held: &[LeaseRef], ttl: Duration) -> Result<Vec<LeaseRef>, LedgerError> {
        let held = held.to_vec();
        let apply = move |world: &World| at_once(world.ledger.heartbeat(&held, ttl));
        self.call("heartbeat", "", Kind::Routine, apply).await
    }

    async fn commit(&self, lease: &LeaseRef, commit: Commit) -> Result<Option<Lease>, LedgerError> {
        let about = format!("{} {} (fence {})", name(&lease.key), described(&commit), lease.fence);
        let lease = lease.clone();
        let apply = move |world: &World| {
            let state = match &commit {
                Commit::Job(commit) => Some(commit.state.clone()),
                Commit::Part(_) => None,
            };
            let next = at_once(world.ledger.commit(&lease, commit))?;
            world.oracle().committed(&lease.key, lease.fence);
            world.judge_quota();
            if let (Some(state), RecordKey::Job(key)) = (state, &lease.key) {
                world.judge_job(key, &state);
            }
            Ok(next)
        };
        self.call("commit", about, Kind::Effect, apply).await
    }

    async fn observe(&self, batches: &[aoai_batch_client::Batch]) -> Result<u64, LedgerError> {
        let batches = batches.to_vec();
        self.call("observe", "", Kind::Routine, move |world| at_once(world.ledger.observe(&batches))).await
    }

    async fn poll_turn(&self, request: &PollRequest) -> Result<PollTurn, LedgerError> {
        let request = request.clone();
        self.call("poll turn", "", Kind::Routine, move |world| at_once(world.ledger.poll_turn(&request)))
            .await
    }

    async fn reserve(&self, name: &str, job: &JobKey) -> Result<bool, LedgerError> {
        let (about, name, job) = (name.to_owned(), name.to_owned(), job.clone());
        self.call("reserve", about, Kind::Effect, move |world| at_once(world.ledger.reserve(&name, &job)))
            .await
    }

    async fn gather(&self, gathering: &Gathering) -> Result<bool, LedgerError> {
        let (about, gathering) = (gathering.bundle.key.to_string(), gathering.clone());
        self.call("gather", about, Kind::Effect, move |world| at_once(world.ledger.gather(&gathering))).await
    }

    async fn quotas(&self) -> Result<Vec<QuotaView>, LedgerError> {
        self.call("quotas", "", Kind::Read, |world| at_once(world.ledger.quotas())).await
    }

    async fn view(&self, query: &JobQuery) -> Result<Vec<JobView>, LedgerError> {
        let query = query.clone();
        self.call("view", "", Kind::Read, move |world| at_once(world.ledger.view(&query))).await
    }
}
