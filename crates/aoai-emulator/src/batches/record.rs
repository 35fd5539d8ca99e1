//! One batch as the service knows it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::OnceCell;

use super::{
    blob::BlobJob,
    lifecycle::{Facts, Moment, Pace, Status, Work},
    plan::{Counts, Plan},
    results::Results,
    upstream_run::Run,
};
use crate::{
    clock::Stamp,
    config::ExpiryConfig,
    files::{LineFault, Scan, StoredBody},
};

/// What was decided at create, what was found out since, and what was done to it.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Counted from 1 in order of creation.
    pub(crate) number: u64,
    pub(crate) id: String,
    pub(crate) endpoint: String,
    pub(crate) completion_window: String,
    /// Empty = the input is a blob.
    pub(crate) input_file_id: String,
    pub(crate) input_filename: String,
    pub(crate) input_sha256: String,
    /// Only where the input is a blob.
    pub(crate) blob: Option<BlobJob>,
    pub(crate) metadata: Option<BTreeMap<String, String>>,
    pub(crate) created_at: Stamp,
    pub(crate) visible_at: Stamp,
    /// Seconds that result files live.
    pub(crate) output_expiry: Option<i64>,
    pub(crate) pace: Pace,
    pub(crate) expiry: Option<ExpiryConfig>,
    /// Held until the results exist, so that the deletion of the file does not matter.
    pub(crate) input: Mutex<Option<Arc<StoredBody>>>,
    pub(crate) prepared: OnceCell<Prepared>,
    pub(crate) results: OnceCell<Results>,
    pub(crate) run: Option<Run>,
    pub(crate) steering: Mutex<Steering>,
}

/// What validation found out.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    pub(crate) scan: Arc<Scan>,
    /// Empty = the batch runs.
    pub(crate) errors: Vec<BatchError>,
    pub(crate) plan: Plan,
    pub(crate) tokens: u64,
}

/// What was done to the batch after its creation.
#[derive(Debug, Default)]
pub(crate) struct Steering {
    pub(crate) cancelled: Option<Stamp>,
    pub(crate) expires: Option<Stamp>,
    pub(crate) failed: Option<(Stamp, BatchError)>,
    /// Known at create, shown when validation ends.
    pub(crate) refused: Option<BatchError>,
}

/// An entry of `errors.data`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BatchError {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) line: Option<u32>,
}

impl BatchError {
    pub(crate) fn new(code: &str, message: &str) -> Self {
        Self { code: code.to_owned(), message: message.to_owned(), line: None }
    }
}

impl From<&LineFault> for BatchError {
    fn from(fault: &LineFault) -> Self {
        Self { code: fault.code.to_owned(), message: fault.message.clone(), line: fault.line }
    }
}

impl Batch {
    pub(crate) fn steering(&self) -> MutexGuard<'_, Steering> {
        self.steering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn input(&self) -> Option<Arc<StoredBody>> {
        self.input.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn release_input(&self) {
        self.input.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// What clients see at `now`.
    pub(crate) fn moment(&self, now: Stamp) -> Moment {
        self.facts(self.results.initialized()).status_at(now)
    }

    /// What is due at `now`, whether or not the results have been written yet.
    pub(crate) fn due(&self, now: Stamp) -> Moment {
        self.facts(true).status_at(now)
    }

    pub(crate) fn facts(&self, results_ready: bool) -> Facts {
        let steering = self.steering();
        let mut facts = Facts {
            created: self.created_at,
            pace: self.pace,
            accepted: match (&steering.refused, self.prepared.get()) {
                (Some(_), _) => Some(false),
                // A blob is looked at once more when validation ends.
                (None, _) if self.blob.as_ref().is_some_and(|blob| !blob.is_judged()) => None,
                (None, prepared) => prepared.map(|prepared| prepared.errors.is_empty()),
            },
            work: self.run.as_ref().map_or(Work::Timed, |run| Work::Real { ended: run.ended() }),
            expires: steering.expires,
            cancelled: steering.cancelled,
            failed: steering.failed.as_ref().map(|(at, _)| *at),
            results_ready,
        };
        drop(steering);
        let by_time =
            self.expiry.as_ref().and_then(|expiry| expiry.after).map(|after| self.created_at.plus(after));
        facts.expires = [facts.expires, by_time, self.expiry_by_lines(&facts)].into_iter().flatten().min();
        facts
    }

    /// When so many lines are done that the batch is configured to expire.
    fn expiry_by_lines(&self, facts: &Facts) -> Option<Stamp> {
        if let Some(run) = &self.run {
            return run.ended().filter(|_| run.is_capped());
        }
        let (cap, total) = (self.line_cap()?, self.total());
        let share = self.pace.in_progress.as_millis() * cap as u128;
        let millis = u64::try_from(share.div_ceil(total.max(1) as u128)).unwrap_or(u64::MAX);
        Some(facts.validated().plus(Duration::from_millis(millis)))
    }

    /// The number of lines after which the batch expires, if it has more than that.
    pub(crate) fn line_cap(&self) -> Option<usize> {
        self.expiry.as_ref().and_then(|expiry| expiry.after_lines).filter(|cap| *cap < self.total())
    }

    pub(crate) fn total(&self) -> usize {
        self.prepared.get().map_or(0, |prepared| prepared.plan.order.len())
    }

    /// How many lines of the plan are done; only for work that is timed.
    pub(crate) fn done(&self, moment: &Moment) -> usize {
        let total = self.total();
        moment.progress.lines(total).min(self.line_cap().unwrap_or(total))
    }

    pub(crate) fn counts(&self, moment: &Moment) -> Counts {
        match (self.results.get(), &self.run, self.prepared.get()) {
            (Some(results), _, _) => results.counts,
            (None, Some(run), _) => run.counts(),
            (None, None, Some(prepared)) => prepared.plan.counts(self.done(moment)),
            (None, None, None) => Counts::default(),
        }
    }

    /// Indices of the lines that were paid for until `now`.
    pub(crate) fn billed(&self, now: Stamp) -> Vec<u32> {
        match (&self.run, self.prepared.get()) {
            (Some(run), _) => run.billed(),
            (None, Some(prepared)) if prepared.errors.is_empty() => {
                prepared.plan.billed(self.done(&self.due(now))).collect()
            }
            _ => Vec::new(),
        }
    }

    pub(crate) fn errors(&self) -> Vec<BatchError> {
        let steering = self.steering();
        if let Some((_, error)) = &steering.failed {
            return vec![error.clone()];
        }
        if let Some(error) = &steering.refused {
            return vec![error.clone()];
        }
        self.prepared.get().map(|prepared| prepared.errors.clone()).unwrap_or_default()
    }

    /// The input file was deleted; whoever has not read it yet cannot any more.
    pub(crate) fn lose_input(&self, now: Stamp) {
        if self.moment(now).status == Status::Validating {
            self.steering().refused.get_or_insert(self.without_input());
        }
    }

    /// The input file was deleted, and the batch cannot do without.
    pub(crate) fn fail_without_input(&self, now: Stamp) {
        self.steer(now, |steering| steering.failed = Some((now, self.without_input())));
    }

    fn without_input(&self) -> BatchError {
        let message = format!("The input file '{}' was not found.", self.input_file_id);
        BatchError::new("invalid_request", &message)
    }

    /// Cancels, expires or fails the batch, unless it has ended; says whether it did.
    pub(crate) fn steer(&self, now: Stamp, how: impl FnOnce(&mut Steering)) -> bool {
        if self.due(now).status.is_terminal() {
            return false;
        }
        how(&mut self.steering());
        if let Some(run) = &self.run {
            run.stop();
        }
        true
    }
}
