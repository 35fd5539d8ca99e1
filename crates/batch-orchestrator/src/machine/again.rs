//! The attempt after an attempt.

use std::time::Duration;

use super::Verdicts;
use crate::model::{
    Again, InputSnapshot, PartKey, PartPlan, PartRecord, PartResult, PartState, Settled, Timestamp,
    Unanswered,
};

/// When lines without a result are sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptOptions {
    /// The most attempts at a part, the first included.
    pub max: u32,
    /// How long after an attempt the next one is sent; doubled with each.
    pub delay: Duration,
    /// What is sent again, and what is reported.
    pub verdicts: Verdicts,
    /// Whether the rest of a batch that somebody else cancelled is sent again; otherwise it is reported.
    pub resubmit_cancelled: bool,
}

impl Default for AttemptOptions {
    fn default() -> Self {
        Self {
            max: 3,
            delay: Duration::from_mins(1),
            verdicts: Verdicts::default(),
            resubmit_cancelled: false,
        }
    }
}

/// The longest wait before an attempt.
const LONGEST: Duration = Duration::from_hours(6);

impl AttemptOptions {
    /// How long after this attempt the next one begins.
    #[must_use]
    pub fn wait_after(&self, attempt: u32) -> Duration {
        self.delay.saturating_mul(1 << attempt.saturating_sub(1).min(20)).min(LONGEST)
    }
}

/// The attempt after one that left lines without a result; `None` if it left none. Where the decision for it was found, it may
/// have been sent by somebody who knew more, so it begins with looking.
#[must_use]
pub fn next_attempt(
    part: &PartRecord,
    result: &PartResult,
    options: &AttemptOptions,
    now: Timestamp,
) -> Option<PartRecord> {
    let Unanswered { requests, etag, modified_ms, upload_bytes, tokens, found } =
        result.harvest.again.clone()?;
    let whole = part.whole();
    let sent = match &part.plan.again {
        Some(again) => again.sent.clone(),
        None => result.submission.as_ref().map(|submission| submission.input.clone()),
    };
    let again = Again {
        input: whole.input.clone(),
        part: whole.plan.clone(),
        sha256: requests.sha256,
        settled: Settled { output: result.harvest.output.clone(), error: result.harvest.error.clone() },
        sent,
        avoid: result.deployment.clone(),
    };
    let plan = PartPlan {
        number: whole.plan.number,
        first_line: 1,
        lines: requests.lines,
        offset: 0,
        bytes: requests.bytes,
        upload_bytes,
        tokens,
        named: whole.plan.named.clone(),
        again: Some(Box::new(again)),
    };
    let (state, due_at) = if found {
        (PartState::Recovering { since: now }, now)
    } else {
        (PartState::Ready, now.after(options.wait_after(part.key.attempt)))
    };
    Some(PartRecord {
        key: PartKey { attempt: part.key.attempt + 1, ..part.key.clone() },
        plan,
        input: InputSnapshot { location: requests.location, etag, size: requests.bytes, modified_ms },
        state,
        deployment: None,
        spending: None,
        remote: None,
        cancel: None,
        version: 0,
        failures: 0,
        problem: None,
        due_at,
        updated_at: now,
    })
}
