//! What a run tells while it goes, and in the end.

use aoai_batch_client::Batch;

use crate::{
    model::{JobKey, JobRecord, JobState, Outcome, PartRecord, Problem},
    snapshot::Skipped,
};

/// Something that happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// The input directory was listed.
    Scanned {
        /// New jobs.
        new: usize,
        /// Passed over.
        skipped: &'a [Skipped],
    },
    /// A job changed its state.
    Job(&'a JobRecord),
    /// A part changed its state.
    Part(&'a PartRecord),
    /// The quota or a budget has no room for a part: it waits, and `status` says for what.
    Waiting(&'a PartRecord),
    /// A step failed and will be tried again.
    Problem {
        /// Of which job.
        job: &'a JobKey,
        /// The input's path.
        path: String,
        /// What is wrong.
        problem: &'a Problem,
    },
    /// A poll saw a batch; it may be anybody's.
    Batch(&'a Batch),
    /// The batches were listed.
    Polled {
        /// How many parts changed.
        changed: u64,
    },
    /// Listing the batches or the inputs failed; it is tried again.
    Trouble {
        /// What was tried.
        what: &'static str,
        /// What went wrong.
        message: String,
    },
}

/// Is told what happens. Called from the pipeline's own task: it must not block.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: &Event<'_>);
}

impl Observer for () {
    fn event(&self, _event: &Event<'_>) {}
}

/// The sum of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct RunReport {
    /// Jobs that ended with every line successful.
    pub completed: u64,
    /// Jobs of which some lines failed.
    pub partial: u64,
    /// Jobs of which every line failed.
    pub failed: u64,
    /// Files that were refused before anything was sent.
    pub rejected: u64,
    /// Inputs that changed or vanished before anything was sent.
    pub dropped: u64,
    /// Inputs that another ledger works on.
    pub foreign: u64,
    /// Jobs that need a person.
    pub quarantined: u64,
    /// Jobs of a lost ledger, or of a later state of this one, that were taken in at the start.
    pub recovered: u64,
    /// Paths that were passed over.
    pub skipped: u64,
    /// Jobs that are not finished, before anything of them was sent (an input that cannot be read, say).
    pub waiting: u64,
    /// Jobs that are not finished, with work in flight.
    pub in_flight: u64,
    /// Jobs that are not finished, because the money that may be spent is spent.
    pub over_budget: u64,
    /// Lines with a successful answer.
    pub output_lines: u64,
    /// Lines without.
    pub error_lines: u64,
    /// Of the successful answers, those that are not what their request asked for.
    pub nonconforming_lines: u64,
    /// Prompt tokens, by usage.
    pub prompt_tokens: u64,
    /// Completion tokens, by usage.
    pub completion_tokens: u64,
    /// What the answers cost where prices are known, in billionths of a dollar.
    pub cost_nanodollars: u64,
    /// Whether the run was stopped from outside.
    pub interrupted: bool,
    /// Whether the run left unfinished work because lake or service would not have it.
    pub gave_up: bool,
}

impl RunReport {
    pub(super) fn finished(&mut self, state: &JobState) {
        match state {
            JobState::Done { outcome, totals, .. } => {
                *match outcome {
                    Outcome::Completed => &mut self.completed,
                    Outcome::Partial => &mut self.partial,
                    Outcome::Failed => &mut self.failed,
                    Outcome::Rejected => &mut self.rejected,
                } += 1;
                self.output_lines += totals.output;
                self.error_lines += totals.error;
                self.nonconforming_lines += totals.nonconforming.unwrap_or(0);
                self.prompt_tokens += totals.prompt_tokens;
                self.completion_tokens += totals.completion_tokens;
                self.cost_nanodollars += totals.cost.unwrap_or(0);
            }
            JobState::Dropped { .. } => self.dropped += 1,
            JobState::Foreign { .. } => self.foreign += 1,
            JobState::Quarantined { .. } => self.quarantined += 1,
            _ => {}
        }
    }

    /// Whether some file or line did not succeed.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        let files =
            self.partial + self.failed + self.rejected + self.foreign + self.quarantined + self.skipped;
        files + self.waiting + self.over_budget + self.error_lines + self.nonconforming_lines > 0
    }
}
