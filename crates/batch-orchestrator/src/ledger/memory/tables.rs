//! The tables, and what one transaction does to them.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use crate::{
    ledger::{ClaimRequest, Gathering, JobCommit, Lease, LeaseRef, PartCommit, RecordKey, WorkerId},
    model::{DeploymentId, JobKey, JobRecord, PartKey, PartRecord, PartState, Timestamp},
    quota::{Load, QuotaChange, QuotaRecord},
};

#[derive(Clone, Default)]
pub(super) struct Tables {
    pub(super) jobs: BTreeMap<JobKey, Row<JobRecord>>,
    pub(super) parts: BTreeMap<PartKey, Row<PartRecord>>,
    /// Places, and until when the worker counts as alive.
    workers: HashMap<WorkerId, (usize, Timestamp)>,
    /// Who polls, until when.
    pub(super) endpoints: HashMap<String, (WorkerId, Timestamp)>,
    pub(super) names: HashMap<String, JobKey>,
    /// The keys of jobs that were pruned.
    pub(super) forgotten: BTreeSet<JobKey>,
    pub(super) quotas: BTreeMap<DeploymentId, QuotaRecord>,
}

#[derive(Clone)]
pub(super) struct Row<R> {
    pub(super) record: R,
    pub(super) fence: i64,
    pub(super) lease_until: Timestamp,
}

impl Tables {
    /// Takes note of a worker's places; answers how many there are of all workers together.
    pub(super) fn places(
        &mut self,
        worker: &WorkerId,
        window: usize,
        ttl: Duration,
        now: Timestamp,
    ) -> usize {
        self.workers.insert(worker.clone(), (window, now.after(ttl)));
        self.workers.retain(|_, (places, alive_until)| *places > 0 && *alive_until > now);
        self.workers.values().map(|(places, _)| *places).sum()
    }

    pub(super) fn in_flight(&self, now: Timestamp) -> usize {
        self.parts
            .values()
            .filter(|row| {
                let name = row.record.state.name();
                PartState::IN_FLIGHT.contains(&name) || (name == "ready" && row.lease_until > now)
            })
            .count()
    }

    pub(super) fn claim_parts(
        &mut self,
        request: &ClaimRequest,
        window: usize,
        now: Timestamp,
    ) -> Vec<Lease> {
        let mut places = if request.admit { window.saturating_sub(self.in_flight(now)) } else { 0 };
        let mut due: Vec<_> = self
            .parts
            .values_mut()
            .filter(|row| {
                row.record.due_at <= now && row.lease_until <= now && !row.record.state.is_at_rest()
            })
            .filter(|row| !request.marked || row.record.cancel.is_some())
            .collect();
        // What is on its way goes before what waits for a place.
        due.sort_by_key(|row| (row.record.state == PartState::Ready, row.record.due_at));
        due.retain(|row| {
            // What is only to be ended needs no place.
            if row.record.state != PartState::Ready || row.record.cancel.is_some() {
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

    pub(super) fn claim_jobs(&mut self, request: &ClaimRequest, limit: usize, now: Timestamp) -> Vec<Lease> {
        let mut due: Vec<_> = self
            .jobs
            .values_mut()
            .filter(|row| {
                row.record.due_at <= now && row.lease_until <= now && !row.record.state.is_at_rest()
            })
            .filter(|row| !request.marked || row.record.cancel.is_some())
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

    pub(super) fn commit_job(
        &mut self,
        lease: &LeaseRef,
        key: &JobKey,
        commit: JobCommit,
        now: Timestamp,
    ) -> Option<Lease> {
        let row = self.jobs.get_mut(key).filter(|row| row.holds(lease, row.record.version))?;
        let at_rest = commit.state.is_at_rest();
        row.record = JobRecord {
            input: commit.input.unwrap_or_else(|| row.record.input.clone()),
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
            if let Some(deployment) = &record.deployment {
                self.quotas.entry(deployment.clone()).or_default();
            }
            self.insert_part(record);
        }
        for key in commit.wake {
            if let Some(part) = self.parts.get_mut(&key).filter(|part| part.lease_until == Timestamp(0)) {
                part.record.due_at = part.record.due_at.min(now);
            }
        }
        if at_rest {
            self.names.retain(|_, owner| owner != key);
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

    pub(super) fn commit_part(
        &mut self,
        lease: &LeaseRef,
        key: &PartKey,
        commit: PartCommit,
        now: Timestamp,
    ) -> Option<Lease> {
        self.parts.get(key).filter(|row| row.holds(lease, row.record.version))?;
        let commit = self.keep_books(key, commit, now);
        let row = self.parts.get_mut(key)?;
        let released = commit
            .state
            .frees_quota(row.record.state.holds_quota())
            .then(|| row.record.deployment.clone())
            .flatten();
        let submitted = commit.state.batch_id() == row.record.state.batch_id();
        row.record = PartRecord {
            remote: row.record.remote.clone().filter(|_| submitted),
            spending: commit.spending().apply(row.record.spending, now),
            deployment: commit.account.deployment.or(row.record.deployment.clone()),
            state: commit.state,
            // Whoever wrote this may not have seen the mark.
            due_at: if row.record.cancel.is_some_and(|cancel| cancel >= row.record.updated_at) {
                now
            } else {
                commit.due_at
            },
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
        if let Some(deployment) = released {
            self.wake_waiting(&deployment, now);
        }
        if let Some(next) = commit.next {
            self.insert_part(*next);
        }
        let pending = self.has_pending_parts(&key.job);
        if let Some(job) = self.jobs.get_mut(&key.job).filter(|_| !pending) {
            job.record.due_at = now;
        }
        Some(lease)
    }

    /// Marks a job and its parts; `false` if there is nothing to end.
    pub(super) fn cancel(&mut self, key: &JobKey, now: Timestamp) -> bool {
        let Some(job) = self.jobs.get_mut(key).filter(|row| !row.record.state.is_at_rest()) else {
            return false;
        };
        job.record.cancel.get_or_insert(now);
        for row in self.parts.values_mut().filter(|row| row.record.key.job == *key) {
            // What a person has to decide on ends, too, once that is decided.
            if !matches!(row.record.state, PartState::Resolved(_)) {
                row.record.cancel.get_or_insert(now);
                row.record.due_at = now;
            }
        }
        true
    }

    /// Forgets the oldest of what was finished before.
    pub(super) fn prune(&mut self, before: Timestamp, most: u32) -> u64 {
        let finished = |record: &JobRecord| matches!(record.state.name(), "done" | "dropped");
        let rows = self.jobs.values().map(|row| &row.record);
        let mut old: Vec<_> = rows.filter(|job| finished(job) && job.updated_at < before).collect();
        old.sort_by_key(|job| (job.updated_at, job.key.clone()));
        let keys: Vec<JobKey> = old.into_iter().take(most as usize).map(|job| job.key.clone()).collect();
        for key in &keys {
            self.jobs.remove(key);
            self.parts.retain(|part, _| part.job != *key);
            self.forgotten.insert(key.clone());
        }
        keys.len() as u64
    }

    /// A part of a job, marked like it.
    fn insert_part(&mut self, record: PartRecord) {
        let cancel = self.jobs.get(&record.key.job).and_then(|job| job.record.cancel);
        self.parts.entry(record.key.clone()).or_insert(Row::new(PartRecord { cancel, ..record }));
    }

    /// Makes the members of a bundle, or changes nothing.
    pub(super) fn gather(&mut self, gathering: &Gathering, now: Timestamp) -> bool {
        let Gathering { bundle, members, due_at } = gathering;
        let ready = |(key, version): &(PartKey, i64)| {
            let row = self.parts.get(key).map(|row| &row.record);
            row.is_some_and(|part| {
                part.state == PartState::Ready && part.version == *version && part.cancel.is_none()
            })
        };
        if self.jobs.contains_key(&bundle.key) || !members.iter().all(ready) {
            return false;
        }
        for (key, _) in members {
            if let Some(row) = self.parts.get_mut(key) {
                row.record.state = PartState::Merged { bundle: bundle.key.clone() };
                (row.record.due_at, row.record.updated_at) = (*due_at, now);
                row.record.version += 1;
                (row.record.failures, row.record.problem) = (0, None);
                (row.fence, row.lease_until) = (row.fence + 1, Timestamp(0));
            }
        }
        let record =
            JobRecord { version: 0, due_at: now, created_at: now, updated_at: now, ..bundle.clone() };
        self.jobs.insert(bundle.key.clone(), Row::new(record));
        true
    }

    /// Wakes those that wait at a deployment and for whom there is room now.
    fn wake_waiting(&mut self, deployment: &DeploymentId, now: Timestamp) {
        let here = || self.parts.values().filter(|row| row.record.deployment.as_ref() == Some(deployment));
        let holders = here().filter(|row| row.record.state.holds_quota());
        let reserved = holders.map(|row| row.record.plan.quota_tokens()).sum();
        let mut waiting: Vec<_> = here()
            .filter_map(|row| {
                let since = row.record.state.waits_since()?;
                Some((since, row.record.key.clone(), row.record.plan.quota_tokens()))
            })
            .collect();
        waiting.sort();
        let list: Vec<_> = waiting.iter().map(|(since, _, tokens)| (*since, *tokens)).collect();
        let record = self.quotas.get(deployment).cloned().unwrap_or_default();
        for place in record.woken(&list, reserved, now) {
            if let Some(row) = self.parts.get_mut(&waiting[place].1)
                && row.lease_until == Timestamp(0)
            {
                row.record.due_at = row.record.due_at.min(now);
            }
        }
    }

    /// The books of the deployment that the part is at, or goes to.
    fn keep_books(&mut self, key: &PartKey, commit: PartCommit, now: Timestamp) -> PartCommit {
        let Some(own) = self.parts.get(key).map(|row| &row.record) else { return commit };
        let deployment = commit.account.deployment.clone().or(own.deployment.clone());
        let (Some(deployment), Some(change)) = (deployment, &commit.account.change) else { return commit };
        let others = || {
            let here = |record: &&PartRecord| record.deployment.as_ref() == Some(&deployment);
            self.parts.values().map(|row| &row.record).filter(|record| record.key != *key).filter(here)
        };
        let mut load = Load { tokens: own.plan.quota_tokens(), ..Load::default() };
        load.reserved = others().filter(|o| o.state.holds_quota()).map(|o| o.plan.quota_tokens()).sum();
        if let QuotaChange::Intent(intent) = change {
            let before = intent.longest_overtaken(own.state.waits_since(), now);
            let ahead =
                others().filter(|other| other.state.waits_since().is_some_and(|since| since < before));
            load.ahead = ahead.map(|other| other.plan.quota_tokens()).sum();
            let spent = |since: Timestamp| {
                let all = self.parts.values().filter(|row| row.record.key != *key);
                let all = all.filter_map(|row| row.record.spending);
                all.filter(|spending| spending.at >= since).map(|spending| spending.cost).sum()
            };
            load.spent = intent.budgets.iter().map(|budget| spent(budget.since)).collect();
        }
        let record = self.quotas.entry(deployment).or_default();
        commit.booked(record, &load, now)
    }

    pub(super) fn is_held(&self, key: &PartKey) -> bool {
        self.parts.get(key).is_some_and(|row| row.lease_until > Timestamp(0))
    }

    fn has_pending_parts(&self, job: &JobKey) -> bool {
        self.parts.values().any(|row| row.record.key.job == *job && !row.record.state.is_at_rest())
    }
}

impl<R> Row<R> {
    pub(super) fn new(record: R) -> Self {
        Self { record, fence: 0, lease_until: Timestamp(0) }
    }

    /// Leases the record; answers with the new fence.
    pub(super) fn take(&mut self, now: Timestamp, ttl: Duration) -> i64 {
        self.fence += 1;
        self.lease_until = now.after(ttl);
        self.fence
    }

    fn reference(&self, key: RecordKey, version: i64) -> LeaseRef {
        LeaseRef { key, fence: self.fence, version }
    }

    fn holds(&self, lease: &LeaseRef, version: i64) -> bool {
        self.fence == lease.fence && version == lease.version && self.lease_until > Timestamp(0)
    }
}
