//! From one generation to the next.

use super::Timing;
use crate::model::{PartFailure, PartState, Strays, Submission, Timestamp};

/// The next generation, at another deployment. It does not count as used up: nothing was wrong with the file.
pub(super) fn moved(generation: u32, mut strays: Strays, now: Timestamp) -> PartState {
    strays.setbacks.count += 1;
    PartState::Uploading { generation: generation + 1, since: now, strays }
}

/// The next generation of a submission, or its end if too many were used up.
pub(super) fn next_generation(
    submission: Submission,
    now: Timestamp,
    timing: &Timing,
    failure: PartFailure,
) -> PartState {
    let used_up = submission.generation.saturating_sub(submission.strays.setbacks.count);
    if used_up >= timing.max_generations {
        return PartState::Ended { submission: Some(submission), batch: None, failure: Some(failure) };
    }
    let Submission { generation, input, mut strays, .. } = submission;
    strays.inputs.push(input);
    PartState::Uploading { generation: generation + 1, since: now, strays }
}
