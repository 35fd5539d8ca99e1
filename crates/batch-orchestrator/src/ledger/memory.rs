//! A ledger in memory: for tests, simulations and experiments. It survives nothing.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aoai_batch_client::Batch;
use async_trait::async_trait;

use super::{
    ClaimRequest, Claims, Commit, InFlight, JobCommit, JobQuery, JobView, Lease, LeaseRef, Ledger,
    LedgerError, LedgerErrorKind, PartCommit, RecordKey,
};
use crate::model::{InputSnapshot, JobKey, JobRecord, JobState, PartKey, PartRecord, PartState, Timestamp};

/// The store's clock.
pub type LedgerClock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// [`Ledger`] in memory.
pub struct MemoryLedger {
    id: String,
    clock: LedgerClock,
    tables: Mutex<Tables>,
}

#[derive(Default)]
struct Tables {
    jobs: BTreeMap<JobKey, Row<JobRecord>>,
    parts: BTreeMap<PartKey, Row<PartRecord>>,
}

struct Row<R> {
    record: R,
    fence: i64,
    lease_until: Timestamp,
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

impl Tables {
    fn in_flight(&self, now: Timestamp) -> usize {
        self.parts
            .values()
            .filter(|row| {
                let name = row.record.state.name();
                PartState::IN_FLIGHT.contains(&name) || (name == "ready" && row.lease_until > now)
            })
            .count()
    }

    fn claim_parts(&mut self, request: &ClaimRequest, now: Timestamp) -> Vec<Lease> {
        let mut places = request.window.saturating_sub(self.in_flight(now));
        let mut due: Vec<_> = self
            .parts
            .values_mut()
            .filter(|row| {
                row.record.due_at <= now && row.lease_until <= now && !row.record.state.is_at_rest()
            })
            .collect();
        due.sort_by_key(|row| row.record.due_at);
        due.retain(|row| {
            if row.record.state != PartState::Ready {
                return true;
            }
            let admitted = places > 0;
            places = places.saturating_sub(1);
            admitted
        });
        due.into_iter()
            .take(request.limit)
            .map(|row| {
                row.take(now, request.ttl);
                Lease::Part {
                    lease: row.reference(RecordKey::Part(row.record.key.clone()), row.record.version),
                    record: Box::new(row.record.clone()),
                }
            })
            .collect()
    }

    fn claim_jobs(&mut self, request: &ClaimRequest, limit: usize, now: Timestamp) -> Vec<Lease> {
        let mut due: Vec<_> = self
            .jobs
            .values_mut()
            .filter(|row| {
                row.record.due_at <= now && row.lease_until <= now && !row.record.state.is_at_rest()
            })
            .collect();
        due.sort_by_key(|row| row.record.due_at);
        due.into_iter()
            .take(limit)
            .map(|row| {
                row.take(now, request.ttl);
                Lease::Job {
                    lease: row.reference(RecordKey::Job(row.record.key.clone()), row.record.version),
                    record: Box::new(row.record.clone()),
                }
            })
            .collect()
    }

    fn commit_job(
        &mut self,
        lease: &LeaseRef,
        key: &JobKey,
        commit: JobCommit,
        now: Timestamp,
    ) -> Option<Lease> {
        let row = self.jobs.get_mut(key).filter(|row| row.holds(lease, row.record.version))?;
        row.record = JobRecord {
            state: commit.state,
            due_at: commit.due_at,
            failures: commit.failures,
            problem: commit.problem,
            version: row.record.version + 1,
            updated_at: now,
            ..row.record.clone()
        };
        if !commit.keep {
            row.lease_until = Timestamp(0);
        }
        let lease = Lease::Job {
            lease: row.reference(lease.key.clone(), row.record.version),
            record: Box::new(row.record.clone()),
        };
        for record in commit.parts {
            let row = Row { record, fence: 0, lease_until: Timestamp(0) };
            self.parts.entry(row.record.key.clone()).or_insert(row);
        }
        // The last part may have been resolved since the job looked: its wake-up must not be lost.
        let pending = self.has_pending_parts(key);
        if let Some(row) =
            self.jobs.get_mut(key).filter(|row| !pending && row.record.state.name() == "running")
        {
            row.record.due_at = now;
        }
        Some(lease)
    }

    fn commit_part(
        &mut self,
        lease: &LeaseRef,
        key: &PartKey,
        commit: PartCommit,
        now: Timestamp,
    ) -> Option<Lease> {
        let row = self.parts.get_mut(key).filter(|row| row.holds(lease, row.record.version))?;
        let submitted = commit.state.batch_id() == row.record.state.batch_id();
        row.record = PartRecord {
            remote: row.record.remote.clone().filter(|_| submitted),
            state: commit.state,
            due_at: commit.due_at,
            failures: commit.failures,
            problem: commit.problem,
            version: row.record.version + 1,
            updated_at: now,
            ..row.record.clone()
        };
        if !commit.keep {
            row.lease_until = Timestamp(0);
        }
        let lease = Lease::Part {
            lease: row.reference(lease.key.clone(), row.record.version),
            record: Box::new(row.record.clone()),
        };
        let pending = self.has_pending_parts(&key.job);
        if let Some(job) = self.jobs.get_mut(&key.job).filter(|_| !pending) {
            job.record.due_at = now;
        }
        Some(lease)
    }

    fn has_pending_parts(&self, job: &JobKey) -> bool {
        self.parts.values().any(|row| row.record.key.job == *job && !row.record.state.is_at_rest())
    }
}

impl<R> Row<R> {
    fn take(&mut self, now: Timestamp, ttl: Duration) {
        self.fence += 1;
        self.lease_until = now.after(ttl);
    }

    fn reference(&self, key: RecordKey, version: i64) -> LeaseRef {
        LeaseRef { key, fence: self.fence, version }
    }

    fn holds(&self, lease: &LeaseRef, version: i64) -> bool {
        self.fence == lease.fence && version == lease.version && self.lease_until > Timestamp(0)
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
            while tables.jobs.get(&key).is_some_and(|row| is_put_back(&row.record, listed_at)) {
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
                version: 0,
                failures: 0,
                problem: None,
                due_at: now,
                created_at: now,
                updated_at: now,
            };
            tables.jobs.insert(key.clone(), Row { record, fence: 0, lease_until: Timestamp(0) });
            new.push(key);
        }
        Ok(new)
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Claims, LedgerError> {
        let now = (self.clock)();
        let mut tables = self.tables();
        let mut leases = tables.claim_parts(request, now);
        let rest = request.limit - leases.len();
        leases.extend(tables.claim_jobs(request, rest, now));
        let full = tables.in_flight(now) >= request.window;
        let parts = tables.parts.values().filter(|row| !row.record.state.is_at_rest());
        let jobs = tables.jobs.values().filter(|row| !row.record.state.is_at_rest());
        let unfinished = jobs.clone().count() as u64;
        let waiting_parts = parts
            .filter(|row| row.lease_until <= now && !(full && row.record.state == PartState::Ready))
            .map(|row| row.record.due_at);
        let waiting_jobs = jobs.filter(|row| row.lease_until <= now).map(|row| row.record.due_at);
        let next_due = waiting_parts.chain(waiting_jobs).min().filter(|due| *due != Timestamp::NEVER);
        Ok(Claims { leases, next_due, unfinished })
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
                (commit.keep, tables.commit_part(lease, key, commit, now))
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

    async fn in_flight(&self) -> Result<InFlight, LedgerError> {
        let tables = self.tables();
        let since: Vec<_> = tables
            .parts
            .values()
            .filter_map(|row| match &row.record.state {
                PartState::Submitted { since, .. } => Some(*since),
                _ => None,
            })
            .collect();
        Ok(InFlight { batches: since.len() as u64, oldest: since.into_iter().min() })
    }

    async fn view(&self, query: &JobQuery) -> Result<Vec<JobView>, LedgerError> {
        let tables = self.tables();
        let mut views: Vec<_> = tables
            .jobs
            .values()
            .filter(|row| query.key.as_ref().is_none_or(|key| row.record.key.0.starts_with(key.as_str())))
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
}

/// Whether a finished input version was listed again after it was finished.
fn is_put_back(job: &JobRecord, listed_at: Timestamp) -> bool {
    matches!(job.state, JobState::Done { .. } | JobState::Dropped { .. }) && job.updated_at < listed_at
}
