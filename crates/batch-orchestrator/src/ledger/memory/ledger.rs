//! A ledger in memory: for tests, simulations and experiments. It survives nothing.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aoai_batch_client::Batch;
use async_trait::async_trait;

use super::tables::{Row, Tables};
use crate::{
    ledger::{
        ClaimRequest, Claims, Commit, Gathering, InFlight, JobQuery, JobView, Lease, LeaseRef, Ledger,
        LedgerAdmin, LedgerError, LedgerErrorKind, PollRequest, PollTurn, RecordKey, WorkerId,
    },
    model::{DeploymentId, InputSnapshot, JobKey, JobRecord, JobState, PartRecord, PartState, Timestamp},
    quota::{QuotaRecord, QuotaView},
};

/// The store's clock.
pub type LedgerClock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// [`Ledger`] in memory.
pub struct MemoryLedger {
    id: String,
    clock: LedgerClock,
    tables: Mutex<Tables>,
}

impl std::fmt::Debug for MemoryLedger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryLedger").field("id", &self.id).finish_non_exhaustive()
    }
}

impl MemoryLedger {
    /// An empty ledger.
    #[must_use]
    pub fn new(id: impl Into<String>, clock: LedgerClock) -> Self {
        Self { id: id.into(), clock, tables: Mutex::default() }
    }

    /// A copy of this ledger as it is now, with the same id: what a backup would hold.
    #[must_use]
    pub fn backup(&self) -> Self {
        let tables = Mutex::new(self.tables().clone());
        Self { id: self.id.clone(), clock: self.clock.clone(), tables }
    }

    /// Forgets every lease, as a restart does.
    pub fn forget_leases(&self) {
        let mut tables = self.tables();
        tables.jobs.values_mut().for_each(|row| row.lease_until = Timestamp(0));
        tables.parts.values_mut().for_each(|row| row.lease_until = Timestamp(0));
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    fn id(&self) -> &str {
        &self.id
    }

    async fn now(&self) -> Result<Timestamp, LedgerError> {
        Ok((self.clock)())
    }

    async fn discover(
        &self,
        account: &str,
        seen: &[InputSnapshot],
        listed_at: Timestamp,
    ) -> Result<Vec<JobKey>, LedgerError> {
        let now = (self.clock)();
        let mut tables = self.tables();
        let mut new = Vec::new();
        for input in seen {
            let mut incarnation = 0;
            let mut key = JobKey::derive(account, input, incarnation);
            let finished = |tables: &Tables, key: &JobKey| {
                tables.forgotten.contains(key)
                    || tables.jobs.get(key).is_some_and(|row| is_put_back(&row.record, listed_at))
            };
            while finished(&tables, &key) {
                incarnation += 1;
                key = JobKey::derive(account, input, incarnation);
            }
            if tables.jobs.contains_key(&key) {
                continue;
            }
            let record = JobRecord {
                key: key.clone(),
                input: input.clone(),
                state: JobState::Seen,
                cancel: None,
                version: 0,
                failures: 0,
                problem: None,
                due_at: now,
                created_at: now,
                updated_at: now,
            };
            tables.jobs.insert(key.clone(), Row::new(record));
            new.push(key);
        }
        Ok(new)
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Claims, LedgerError> {
        let now = (self.clock)();
        let mut tables = self.tables();
        let window = tables.places(&request.worker, request.window, request.ttl, now);
        let mut leases = tables.claim_parts(request, window, now);
        let rest = request.limit - leases.len();
        leases.extend(tables.claim_jobs(request, rest, now));
        let full = !request.admit || tables.in_flight(now) >= window;
        let parts = tables.parts.values().filter(|row| !row.record.state.is_at_rest());
        let jobs = tables.jobs.values().filter(|row| !row.record.state.is_at_rest());
        let unfinished = jobs.clone().count() as u64;
        let waiting_parts = parts
            .filter(|row| {
                let waits = row.record.state == PartState::Ready && row.record.cancel.is_none();
                row.lease_until <= now && !(full && waits)
            })
            .filter(|row| !request.marked || row.record.cancel.is_some())
            .map(|row| row.record.due_at);
        let waiting_jobs = jobs
            .filter(|row| row.lease_until <= now && (!request.marked || row.record.cancel.is_some()))
            .map(|row| row.record.due_at);
        let next_due = waiting_parts.chain(waiting_jobs).min().filter(|due| *due != Timestamp::NEVER);
        Ok(Claims { leases, next_due, unfinished })
    }

    async fn places(&self, worker: &WorkerId, window: usize, ttl: Duration) -> Result<i64, LedgerError> {
        let now = (self.clock)();
        let mut tables = self.tables();
        let (all, taken) = (tables.places(worker, window, ttl, now), tables.in_flight(now));
        let count = |places| i64::try_from(places).unwrap_or(i64::MAX);
        Ok(count(all) - count(taken))
    }

    async fn heartbeat(&self, held: &[LeaseRef], ttl: Duration) -> Result<Vec<LeaseRef>, LedgerError> {
        let until = (self.clock)().after(ttl);
        let mut tables = self.tables();
        let mut ours = Vec::new();
        for lease in held {
            let held = match &lease.key {
                RecordKey::Job(key) => tables.jobs.get_mut(key).map(|row| (row.fence, &mut row.lease_until)),
                RecordKey::Part(key) => {
                    tables.parts.get_mut(key).map(|row| (row.fence, &mut row.lease_until))
                }
            };
            if let Some((_, lease_until)) =
                held.filter(|(fence, until)| *fence == lease.fence && **until > Timestamp(0))
            {
                *lease_until = until;
                ours.push(lease.clone());
            }
        }
        Ok(ours)
    }

    async fn commit(&self, lease: &LeaseRef, commit: Commit) -> Result<Option<Lease>, LedgerError> {
        let now = (self.clock)();
        let mut tables = self.tables();
        let (keep, committed) = match (&lease.key, commit) {
            (RecordKey::Job(key), Commit::Job(commit)) => {
                (commit.keep, tables.commit_job(lease, key, commit, now))
            }
            (RecordKey::Part(key), Commit::Part(commit)) => {
                let keep = commit.keep;
                let committed = tables.commit_part(lease, key, commit, now);
                // An intent for which there is no room is not kept, whatever was asked for.
                (keep && tables.is_held(key), committed)
            }
            _ => (false, None),
        };
        let lease = committed.ok_or_else(|| {
            LedgerError::new(LedgerErrorKind::Fenced, "commit", "somebody else holds the record")
        })?;
        Ok(keep.then_some(lease))
    }

    async fn observe(&self, batches: &[Batch]) -> Result<u64, LedgerError> {
        let now = (self.clock)();
        let mut tables = self.tables();
        let mut changed = 0;
        for row in tables.parts.values_mut() {
            let seen = batches.iter().find(|batch| Some(&batch.id) == row.record.state.batch_id());
            if let Some(batch) = seen.filter(|batch| row.record.remote.as_ref() != Some(*batch)) {
                row.record.remote = Some(batch.clone());
                if batch.status.is_terminal() {
                    row.record.due_at = now;
                }
                changed += 1;
            }
        }
        Ok(changed)
    }

    async fn poll_turn(&self, request: &PollRequest) -> Result<PollTurn, LedgerError> {
        let now = (self.clock)();
        let mut tables = self.tables();
        if let Some((owner, until)) = tables.endpoints.get(&request.endpoint)
            && *owner != request.worker
            && *until > now
        {
            return Ok(PollTurn::Until(*until));
        }
        let turn = (request.worker.clone(), now.after(request.hold));
        tables.endpoints.insert(request.endpoint.clone(), turn);
        let since: Vec<_> = tables
            .parts
            .values()
            .filter_map(|row| match &row.record.state {
                PartState::Submitted { since, .. } => Some(*since),
                _ => None,
            })
            .collect();
        Ok(PollTurn::Granted(InFlight { batches: since.len() as u64, oldest: since.into_iter().min() }))
    }

    async fn reserve(&self, name: &str, job: &JobKey) -> Result<bool, LedgerError> {
        let mut tables = self.tables();
        Ok(tables.names.entry(name.to_owned()).or_insert_with(|| job.clone()) == job)
    }

    async fn gather(&self, gathering: &Gathering) -> Result<bool, LedgerError> {
        let now = (self.clock)();
        Ok(self.tables().gather(gathering, now))
    }

    async fn quotas(&self) -> Result<Vec<QuotaView>, LedgerError> {
        let tables = self.tables();
        let view = |(deployment, record): (&DeploymentId, &QuotaRecord)| {
            let parts = tables.parts.values().map(|row| &row.record);
            let here = parts.filter(|part| part.deployment.as_ref() == Some(deployment));
            let tokens = |which: &dyn Fn(&PartState) -> bool| {
                here.clone().filter(|part| which(&part.state)).map(|part| part.plan.quota_tokens()).sum()
            };
            QuotaView {
                deployment: deployment.clone(),
                record: record.clone(),
                reserved: tokens(&PartState::holds_quota),
                coming: tokens(&|state| {
                    matches!(state, PartState::Uploading { .. } | PartState::Uploaded(_))
                }),
                waiting: here.clone().filter(|part| part.state.waits_since().is_some()).count() as u64,
            }
        };
        Ok(tables.quotas.iter().map(view).collect())
    }

    async fn view(&self, query: &JobQuery) -> Result<Vec<JobView>, LedgerError> {
        let tables = self.tables();
        let mut views: Vec<_> = tables
            .jobs
            .values()
            .filter(|row| !query.quarantined || matches!(row.record.state, JobState::Quarantined { .. }))
            .filter(|row| match &query.input {
                Some(input) => row.record.input.location == *input,
                None => query.key.as_ref().is_none_or(|key| row.record.key.0.starts_with(key.as_str())),
            })
            .filter(|row| !query.unfinished || !row.record.state.is_at_rest())
            .map(|row| JobView {
                job: row.record.clone(),
                parts: tables
                    .parts
                    .values()
                    .filter(|part| part.record.key.job == row.record.key)
                    .map(|part| part.record.clone())
                    .collect(),
            })
            .collect();
        views.sort_by(|a, b| (a.job.created_at, &a.job.key).cmp(&(b.job.created_at, &b.job.key)));
        let surplus = query.limit.map_or(0, |limit| views.len().saturating_sub(limit as usize));
        Ok(views.split_off(surplus))
    }
}

#[async_trait]
impl LedgerAdmin for MemoryLedger {
    async fn retry_failed(&self) -> Result<(), LedgerError> {
        let now = (self.clock)();
        let mut tables = self.tables();
        for row in tables.jobs.values_mut().filter(|row| row.record.state.name() == "foreign") {
            (row.record.state, row.record.due_at) = (JobState::Seen, now);
        }
        let waiting = |failures: u32, problem: bool| failures > 0 && problem;
        for row in tables.jobs.values_mut().filter(|r| waiting(r.record.failures, r.record.problem.is_some()))
        {
            row.record.due_at = row.record.due_at.min(now);
        }
        for row in
            tables.parts.values_mut().filter(|r| waiting(r.record.failures, r.record.problem.is_some()))
        {
            row.record.due_at = row.record.due_at.min(now);
        }
        Ok(())
    }

    async fn cancel(&self, job: &JobKey) -> Result<bool, LedgerError> {
        let now = (self.clock)();
        Ok(self.tables().cancel(job, now))
    }

    async fn prune(&self, before: Timestamp, most: u32) -> Result<u64, LedgerError> {
        Ok(self.tables().prune(before, most))
    }

    async fn restore(&self, jobs: &[JobView]) -> Result<u64, LedgerError> {
        let now = (self.clock)();
        let mut tables = self.tables();
        let mut new = 0;
        for JobView { job, parts } in jobs.iter().cloned() {
            if tables.jobs.contains_key(&job.key) {
                continue;
            }
            let job = JobRecord { version: 0, due_at: now, updated_at: now, ..job };
            tables.jobs.insert(job.key.clone(), Row::new(job));
            for part in parts {
                // What the service says of its batch is asked for anew.
                let part = PartRecord { remote: None, version: 0, due_at: now, updated_at: now, ..part };
                tables.parts.insert(part.key.clone(), Row::new(part));
            }
            new += 1;
        }
        Ok(new)
    }

    async fn resolve(&self, key: &RecordKey, version: i64, commit: Commit) -> Result<(), LedgerError> {
        let now = (self.clock)();
        let mut tables = self.tables();
        let refused =
            || LedgerError::new(LedgerErrorKind::Fenced, "resolve", "the record is not at rest any more");
        let fence = match key {
            RecordKey::Job(key) => {
                let row = tables.jobs.get_mut(key).filter(|row| row.record.state.is_at_rest());
                let row = row.filter(|row| row.record.version == version);
                row.map(|row| row.take(now, Duration::from_millis(1)))
            }
            RecordKey::Part(key) => {
                let row = tables.parts.get_mut(key).filter(|row| row.record.state.is_at_rest());
                let row = row.filter(|row| row.record.version == version);
                row.map(|row| row.take(now, Duration::from_millis(1)))
            }
        };
        let lease = LeaseRef { key: key.clone(), fence: fence.ok_or_else(refused)?, version };
        let done = match (key, commit) {
            (RecordKey::Job(key), Commit::Job(commit)) => tables.commit_job(&lease, key, commit, now),
            (RecordKey::Part(key), Commit::Part(commit)) => tables.commit_part(&lease, key, commit, now),
            _ => None,
        };
        done.map(drop).ok_or_else(refused)
    }
}

/// Whether a finished input version was listed again after it was finished.
fn is_put_back(job: &JobRecord, listed_at: Timestamp) -> bool {
    matches!(job.state, JobState::Done { .. } | JobState::Dropped { .. }) && job.updated_at < listed_at
}
