//! What becomes of the requests without a successful answer: the verdict on each, and whether a person has to be asked.

use std::collections::BTreeMap;

use aoai_batch_client::{BatchStatus, OutputLine};

use super::{
    failed::reason,
    harvest::Ending,
    results::{Slot, Slots},
};
use crate::{
    machine::{AttemptOptions, Verdict},
    model::CancelReason,
};

/// The code, for a table of one's own, of lines that a batch counts and its output file does not have: nobody knows which they are.
pub(super) const RESULTS_SHORT: &str = "results_short";

/// A report names so many codes.
const NAMED: usize = 5;

/// Judges what failed in one attempt.
pub(super) struct Judge<'a> {
    options: &'a AttemptOptions,
    ending: &'a Ending<'a>,
    /// Whether nothing is to be sent again, whatever has failed.
    is_over: bool,
    /// What becomes of whatever is missing, as the results are short and a person has said so.
    short: Option<Verdict>,
    /// Codes that nobody knows: how many lines, and the first of them.
    unknown: BTreeMap<String, (u64, u64)>,
}

impl<'a> Judge<'a> {
    /// `is_over`: nothing is to be sent again, whatever has failed.
    pub(super) fn new(options: &'a AttemptOptions, ending: &'a Ending<'a>, is_over: bool) -> Self {
        Self { options, ending, is_over, short: None, unknown: BTreeMap::new() }
    }

    /// Whether a person has said what becomes of lines that are counted and not there.
    pub(super) fn takes_short_results(&mut self) -> bool {
        let own = self.options.verdicts.own.get(RESULTS_SHORT).copied();
        self.short = own.filter(|verdict| *verdict != Verdict::Quarantine);
        self.short.is_some()
    }

    /// The verdict on an answer that is none; `line` (from 1) is its place in the part.
    pub(super) fn of_answer(&mut self, answer: &OutputLine<'_>, line: u64) -> Verdict {
        let code = answer.failure().and_then(|(code, _)| code);
        let status = answer.response.as_ref().map(|response| response.status_code);
        let status = status.filter(|_| answer.error.is_none());
        self.of_code(code.as_deref(), status, line)
    }

    /// The verdict on a request that was not answered; `sent` (from 1) is its place in what this attempt has sent.
    fn of_missing(&mut self, line: u64, sent: u64) -> Verdict {
        match self.ending.failure {
            Some(failure) if failure.is_passing() => return self.of_code(Some(&failure.code), None, line),
            None if self.ending.batch.is_some() => {}
            _ => return Verdict::Report,
        }
        if let Some(verdict) = self.short {
            return verdict;
        }
        let (code, _) = reason(self.ending, sent);
        if self.ending.batch.is_some_and(|batch| batch.status == BatchStatus::Failed) {
            return self.noted(self.options.verdicts.of_refused(&code), Some(&code), line);
        }
        self.of_code(Some(&code), None, line)
    }

    fn of_code(&mut self, code: Option<&str>, status: Option<i64>, line: u64) -> Verdict {
        let cancelled = self.ending.batch.is_some_and(|batch| batch.status == BatchStatus::Cancelled);
        if cancelled && status.is_none() && code.is_none_or(|code| code == "batch_cancelled") {
            return self.of_cancelled();
        }
        self.noted(self.options.verdicts.of(code, status), code, line)
    }

    /// Remembers what a person will be asked about.
    fn noted(&mut self, verdict: Verdict, code: Option<&str>, line: u64) -> Verdict {
        if verdict == Verdict::Quarantine {
            let code = code.unwrap_or("(no code)").to_owned();
            self.unknown.entry(code).or_insert((0, line)).0 += 1;
        }
        verdict
    }

    fn of_cancelled(&self) -> Verdict {
        let ours = self.ending.submission.and_then(|submission| submission.cancelling);
        let again = match ours.map(|cancelling| cancelling.reason) {
            Some(CancelReason::Stalled) => true,
            Some(CancelReason::Requested | CancelReason::Deadline) => false,
            None => self.options.resubmit_cancelled,
        };
        if again { Verdict::Again } else { Verdict::Report }
    }

    /// Which requests want another attempt; `Err` with the reason where a person has to be asked.
    pub(super) fn wanted(mut self, slots: &Slots, first_line: u64) -> Result<Vec<bool>, String> {
        let (mut wanted, mut sent) = (Vec::with_capacity(slots.slots().len()), 0);
        for (position, slot) in slots.slots().iter().enumerate() {
            sent += u64::from(!slots.is_settled(position));
            wanted.push(match slot {
                Slot::Output { .. } | Slot::Again => false,
                Slot::Error { verdict, .. } => *verdict == Verdict::Again,
                Slot::Missing => self.of_missing(position as u64 + 1, sent) == Verdict::Again,
            });
        }
        if self.is_over {
            // Nothing is sent again, so there is nothing to ask.
            return Ok(vec![false; wanted.len()]);
        }
        if self.unknown.is_empty() { Ok(wanted) } else { Err(self.question(first_line)) }
    }

    fn question(&self, first_line: u64) -> String {
        let mut codes: Vec<String> = self
            .unknown
            .iter()
            .take(NAMED)
            .map(|(code, (lines, first))| {
                format!("`{code}` ({lines} lines, the first is line {})", first_line + first - 1)
            })
            .collect();
        if self.unknown.len() > NAMED {
            codes.push(format!("{} more", self.unknown.len() - NAMED));
        }
        format!(
            "it is not known whether lines with these error codes may be sent again: {}; decide in retry.verdicts or \
             retry.unknown, then `aoai-batch retry JOB`",
            codes.join(", ")
        )
    }
}
