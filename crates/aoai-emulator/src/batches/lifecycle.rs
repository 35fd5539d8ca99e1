//! What a batch is at a moment, as a pure function of what is known about it.

use std::time::Duration;

use crate::clock::Stamp;

/// The documented statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Validating,
    Failed,
    InProgress,
    Finalizing,
    Completed,
    Expired,
    Cancelling,
    Cancelled,
}

impl Status {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Validating => "validating",
            Self::Failed => "failed",
            Self::InProgress => "in_progress",
            Self::Finalizing => "finalizing",
            Self::Completed => "completed",
            Self::Expired => "expired",
            Self::Cancelling => "cancelling",
            Self::Cancelled => "cancelled",
        }
    }

    pub(crate) fn is_terminal(self) -> bool {
        matches!(self, Self::Failed | Self::Completed | Self::Expired | Self::Cancelled)
    }
}

/// How long the phases of a batch last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) validating: Duration,
    pub(crate) in_progress: Duration,
    pub(crate) finalizing: Duration,
    pub(crate) cancelling: Duration,
}

/// What `in_progress` waits for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Work {
    /// The time in [`Pace`].
    Timed,
    /// Real work, and when it ended.
    Real { ended: Option<Stamp> },
}

/// All that decides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    pub(crate) created: Stamp,
    pub(crate) pace: Pace,
    /// Whether the input passes validation; none = not yet known.
    pub(crate) accepted: Option<bool>,
    pub(crate) work: Work,
    pub(crate) expires: Option<Stamp>,
    pub(crate) cancelled: Option<Stamp>,
    /// Failed from outside.
    pub(crate) failed: Option<Stamp>,
    /// Whether the result files exist; without them nothing ends.
    pub(crate) results_ready: bool,
}

/// How far the work got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    done: u128,
    of: u128,
}

impl Progress {
    pub(crate) const NONE: Self = Self { done: 0, of: 1 };
    const ALL: Self = Self { done: 1, of: 1 };

    fn between(start: Stamp, length: Duration, now: Stamp) -> Self {
        let (done, of) = (now.since(start).as_millis(), length.as_millis());
        if done >= of { Self::ALL } else { Self { done, of } }
    }

    /// So many of `total` lines.
    pub(crate) fn lines(self, total: usize) -> usize {
        usize::try_from(total as u128 * self.done / self.of).unwrap_or(total)
    }
}

/// A batch at a moment: its status, and when it entered each phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) status: Status,
    /// Meaningful for timed work only.
    pub(crate) progress: Progress,
    pub(crate) in_progress_at: Option<Stamp>,
    pub(crate) finalizing_at: Option<Stamp>,
    pub(crate) completed_at: Option<Stamp>,
    pub(crate) failed_at: Option<Stamp>,
    pub(crate) expired_at: Option<Stamp>,
    pub(crate) cancelling_at: Option<Stamp>,
    pub(crate) cancelled_at: Option<Stamp>,
}

impl Moment {
    fn validating() -> Self {
        Self {
            status: Status::Validating,
            progress: Progress::NONE,
            in_progress_at: None,
            finalizing_at: None,
            completed_at: None,
            failed_at: None,
            expired_at: None,
            cancelling_at: None,
            cancelled_at: None,
        }
    }
}

impl Facts {
    /// When validation ends.
    pub(crate) fn validated(&self) -> Stamp {
        self.created.plus(self.pace.validating)
    }

    fn work_end(&self) -> Option<Stamp> {
        match self.work {
            Work::Timed => Some(self.validated().plus(self.pace.in_progress)),
            Work::Real { ended } => ended,
        }
    }

    /// The moment of expiry, if the work is not done before.
    fn expiry(&self) -> Option<Stamp> {
        let expiry = self.expires?.max(self.validated());
        self.work_end().is_none_or(|end| expiry <= end).then_some(expiry)
    }

    /// The moment of the cancel, if it came before any end.
    fn cancel(&self) -> Option<Stamp> {
        let cancel = self.cancelled?;
        let rejected = self.accepted == Some(false) && cancel >= self.validated();
        let expired = self.expiry().is_some_and(|expiry| cancel >= expiry);
        let completed = self.work_end().is_some_and(|end| cancel >= end.plus(self.pace.finalizing));
        (!rejected && !expired && !completed).then_some(cancel)
    }

    /// The batch at `now`.
    pub(crate) fn status_at(&self, now: Stamp) -> Moment {
        let mut moment = Moment::validating();
        let validated = self.validated();
        if let Some(failed) = self.failed.filter(|failed| *failed <= now) {
            moment.in_progress_at = (validated <= failed).then_some(validated);
            moment.failed_at = Some(failed);
            moment.status = Status::Failed;
            return moment;
        }
        let cancel = self.cancel().filter(|cancel| *cancel <= now);
        if let Some(cancel) = cancel.filter(|cancel| *cancel < validated) {
            return self.cancelling(moment, cancel, now);
        }
        if now < validated || self.accepted.is_none() {
            return moment;
        }
        if self.accepted == Some(false) {
            moment.failed_at = Some(validated);
            moment.status = Status::Failed;
            return moment;
        }
        moment.in_progress_at = Some(validated);
        moment.status = Status::InProgress;
        if let Some(cancel) = cancel {
            moment.progress = Progress::between(validated, self.pace.in_progress, cancel);
            moment.finalizing_at = self.work_end().filter(|end| *end <= cancel);
            return self.cancelling(moment, cancel, now);
        }
        if let Some(expiry) = self.expiry().filter(|expiry| *expiry <= now) {
            moment.progress = Progress::between(validated, self.pace.in_progress, expiry);
            if self.results_ready && self.work_stopped() {
                moment.expired_at = Some(expiry);
                moment.status = Status::Expired;
            }
            return moment;
        }
        moment.progress = Progress::between(validated, self.pace.in_progress, now);
        if let Some(end) = self.work_end().filter(|end| *end <= now) {
            moment.finalizing_at = Some(end);
            moment.status = Status::Finalizing;
            let completed = end.plus(self.pace.finalizing);
            if completed <= now && self.results_ready {
                moment.completed_at = Some(completed);
                moment.status = Status::Completed;
            }
        }
        moment
    }

    fn cancelling(&self, mut moment: Moment, cancel: Stamp, now: Stamp) -> Moment {
        moment.cancelling_at = Some(cancel);
        moment.status = Status::Cancelling;
        let cancelled = cancel.plus(self.pace.cancelling);
        let nothing_began = moment.in_progress_at.is_none();
        if cancelled <= now && self.results_ready && (nothing_began || self.work_stopped()) {
            moment.cancelled_at = Some(cancelled);
            moment.status = Status::Cancelled;
        }
        moment
    }

    fn work_stopped(&self) -> bool {
        !matches!(self.work, Work::Real { ended: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Stamp {
        Stamp::from_millis(seconds * 1000)
    }

    /// Created at 0, validated at 10, worked off at 110, completed at 120; cancelling takes 5.
    fn facts() -> Facts {
        let seconds = Duration::from_secs;
        Facts {
            created: at(0),
            pace: Pace {
                validating: seconds(10),
                in_progress: seconds(100),
                finalizing: seconds(10),
                cancelling: seconds(5),
            },
            accepted: Some(true),
            work: Work::Timed,
            expires: None,
            cancelled: None,
            failed: None,
            results_ready: true,
        }
    }

    fn statuses(facts: &Facts, times: &[i64]) -> Vec<&'static str> {
        times.iter().map(|time| facts.status_at(at(*time)).status.name()).collect()
    }

    #[test]
    fn the_happy_path_goes_through_every_phase() {
        let seen = statuses(&facts(), &[0, 9, 10, 109, 110, 119, 120, 9_999]);
        let expected = [
            "validating",
            "validating",
            "in_progress",
            "in_progress",
            "finalizing",
            "finalizing",
            "completed",
            "completed",
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn progress_grows_with_time() {
        let lines = |time| facts().status_at(at(time)).progress.lines(10);
        assert_eq!(
            [lines(0), lines(10), lines(60), lines(109), lines(110), lines(500)],
            [0, 0, 5, 9, 10, 10]
        );
    }

    #[test]
    fn a_bad_input_fails_when_validation_ends() {
        let facts = Facts { accepted: Some(false), ..facts() };
        assert_eq!(statuses(&facts, &[9, 10]), ["validating", "failed"]);
        let unknown = Facts { accepted: None, ..facts };
        assert_eq!(statuses(&unknown, &[10, 999]), ["validating", "validating"]);
    }

    #[test]
    fn a_cancel_freezes_progress_and_ends_in_cancelled() {
        let facts = Facts { cancelled: Some(at(60)), ..facts() };
        assert_eq!(
            statuses(&facts, &[59, 60, 64, 65, 999]),
            ["in_progress", "cancelling", "cancelling", "cancelled", "cancelled"]
        );
        assert_eq!(facts.status_at(at(999)).progress.lines(10), 5);
        let early = Facts { cancelled: Some(at(3)), ..facts };
        assert_eq!(statuses(&early, &[3, 8, 20]), ["cancelling", "cancelled", "cancelled"]);
        assert_eq!(early.status_at(at(20)).progress.lines(10), 0);
    }

    #[test]
    fn a_cancel_after_the_end_changes_nothing() {
        let late = Facts { cancelled: Some(at(120)), ..facts() };
        assert_eq!(statuses(&late, &[119, 121, 999]), ["finalizing", "completed", "completed"]);
        let rejected = Facts { accepted: Some(false), cancelled: Some(at(10)), ..facts() };
        assert_eq!(statuses(&rejected, &[11, 999]), ["failed", "failed"]);
    }

    #[test]
    fn expiry_keeps_what_was_done() {
        let facts = Facts { expires: Some(at(40)), ..facts() };
        assert_eq!(statuses(&facts, &[39, 40, 999]), ["in_progress", "expired", "expired"]);
        assert_eq!(facts.status_at(at(999)).progress.lines(10), 3);
        let too_late = Facts { expires: Some(at(111)), ..facts };
        assert_eq!(statuses(&too_late, &[112, 999]), ["finalizing", "completed"]);
    }

    #[test]
    fn nothing_ends_without_its_results() {
        let unready = Facts { results_ready: false, ..facts() };
        assert_eq!(statuses(&unready, &[999]), ["finalizing"]);
        assert_eq!(statuses(&Facts { cancelled: Some(at(20)), ..unready }, &[999]), ["cancelling"]);
        assert_eq!(statuses(&Facts { expires: Some(at(20)), ..unready }, &[999]), ["in_progress"]);
    }

    #[test]
    fn real_work_takes_as_long_as_it_takes() {
        let running = Facts { work: Work::Real { ended: None }, ..facts() };
        assert_eq!(statuses(&running, &[9, 10, 9_999]), ["validating", "in_progress", "in_progress"]);
        let ended = Facts { work: Work::Real { ended: Some(at(1_000)) }, ..facts() };
        assert_eq!(statuses(&ended, &[999, 1_000, 1_010]), ["in_progress", "finalizing", "completed"]);
        let stopping = Facts { cancelled: Some(at(20)), ..running };
        assert_eq!(statuses(&stopping, &[20, 999]), ["cancelling", "cancelling"]);
    }

    #[test]
    fn a_failure_from_outside_wins() {
        let failed = Facts { failed: Some(at(50)), ..facts() };
        assert_eq!(statuses(&failed, &[49, 50, 999]), ["in_progress", "failed", "failed"]);
    }
}
