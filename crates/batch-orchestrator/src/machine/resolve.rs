//! A person's decision over what was quarantined.

use aoai_batch_client::BatchId;

use crate::model::{JobState, PartFailure, PartState, Submission, Timestamp};

/// What to do with a quarantined part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// Go on where it stopped: what was wrong has been mended. Sends nothing that would not have been sent.
    Again,
    /// This is its batch: collect its results.
    Adopt(BatchId),
    /// Its batch is given up; a new one is created after the fence. **It may be paid for again.**
    Resubmit,
    /// Give the rest of the part up: what its batch has answered, and can be told apart, is kept; every other line is reported as an
    /// error.
    Fail,
}

/// Why a decision is not possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unresolvable {
    /// It goes its way; there is nothing to decide.
    #[error("it is not quarantined")]
    NotQuarantined,
    /// Nothing was ever uploaded of the part.
    #[error("nothing was sent of it, so no batch can be adopted or given up; `again` goes on with it")]
    NothingSent,
    /// The job as a whole is quarantined, none of its parts.
    #[error("none of its parts is quarantined; `again` is what can be decided for the job as a whole")]
    NotAPart,
}

impl PartFailure {
    /// A person gave the part up.
    pub const GIVEN_UP: &'static str = "given_up";

    /// Whether a person gave the part up: what can be had of its results is taken, and nothing is asked any more.
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        self.code == Self::GIVEN_UP
    }
}

/// The state after the decision, due at once.
///
/// # Errors
/// [`Unresolvable`] where the decision makes no sense.
pub fn resolve_part(
    state: &PartState,
    resolution: &Resolution,
    now: Timestamp,
) -> Result<PartState, Unresolvable> {
    let PartState::Quarantined { reason, was } = state else { return Err(Unresolvable::NotQuarantined) };
    Ok(match resolution {
        Resolution::Again => was.as_ref().clone(),
        Resolution::Adopt(batch_id) => {
            let (submission, _) = sent(was)?;
            PartState::Submitted { submission, batch_id: batch_id.clone(), since: now }
        }
        Resolution::Resubmit => {
            let (mut submission, batch) = sent(was)?;
            submission.strays.failed_batches.extend(batch);
            PartState::Fencing { submission, intent_at: now, deleted_at: None }
        }
        Resolution::Fail => {
            let message = format!("given up by a person; it was quarantined: {reason}");
            let failure = PartFailure { code: PartFailure::GIVEN_UP.to_owned(), message };
            // Where it has ended, its answers were paid for.
            if let PartState::Ended { submission, batch: Some(batch), .. } = was.as_ref() {
                let (submission, batch) = (submission.clone(), Some(batch.clone()));
                return Ok(PartState::Ended { submission, batch, failure: Some(failure) });
            }
            let submission = sent(was).ok().map(|(mut submission, batch)| {
                submission.strays.failed_batches.extend(batch);
                submission
            });
            PartState::Ended { submission, batch: None, failure: Some(failure) }
        }
    })
}

/// The state of a job after `again`.
///
/// # Errors
/// `NotQuarantined`.
pub fn resolve_job(state: &JobState) -> Result<JobState, Unresolvable> {
    match state {
        JobState::Quarantined { was, .. } => Ok(was.as_ref().clone()),
        _ => Err(Unresolvable::NotQuarantined),
    }
}

/// What was sent, and the batch that is known of it.
fn sent(was: &PartState) -> Result<(Submission, Option<BatchId>), Unresolvable> {
    match was {
        PartState::Uploaded(submission)
        | PartState::Creating { submission, .. }
        | PartState::Uncertain { submission, .. }
        | PartState::Fencing { submission, .. } => Ok((submission.clone(), None)),
        PartState::Submitted { submission, batch_id, .. } => Ok((submission.clone(), Some(batch_id.clone()))),
        PartState::Ended { submission: Some(submission), batch, .. } => {
            Ok((submission.clone(), batch.as_ref().map(|batch| batch.id.clone())))
        }
        _ => Err(Unresolvable::NothingSent),
    }
}

#[cfg(test)]
mod tests {
    use aoai_batch_client::FileId;

    use super::*;
    use crate::model::{ServiceInput, Strays};

    fn quarantined(was: PartState) -> PartState {
        PartState::Quarantined { reason: "why".into(), was: Box::new(was) }
    }

    fn submitted() -> PartState {
        let input = ServiceInput::File(FileId("file-1".into()));
        PartState::Submitted {
            submission: Submission::new(1, input, Strays::default()),
            batch_id: BatchId("batch-1".into()),
            since: Timestamp(1),
        }
    }

    #[test]
    fn again_is_the_state_before() {
        for was in [PartState::Ready, submitted()] {
            assert_eq!(resolve_part(&quarantined(was.clone()), &Resolution::Again, Timestamp(9)), Ok(was));
        }
    }

    #[test]
    fn a_batch_that_is_given_up_is_fenced_and_never_adopted_again() {
        let next = resolve_part(&quarantined(submitted()), &Resolution::Resubmit, Timestamp(9)).unwrap();
        let PartState::Fencing { submission, deleted_at: None, .. } = next else { panic!("{next:?}") };
        assert_eq!(submission.strays.failed_batches, [BatchId("batch-1".into())]);
    }

    #[test]
    fn a_part_that_is_given_up_says_so_of_every_line() {
        let next = resolve_part(&quarantined(PartState::Ready), &Resolution::Fail, Timestamp(9)).unwrap();
        let PartState::Ended { submission: None, batch: None, failure: Some(failure) } = next else {
            panic!("{next:?}")
        };
        assert_eq!(failure.code, PartFailure::GIVEN_UP);
        assert!(failure.message.contains("why"));
    }

    #[test]
    fn only_what_was_sent_has_a_batch() {
        let adopt = Resolution::Adopt(BatchId("batch-2".into()));
        let next = resolve_part(&quarantined(submitted()), &adopt, Timestamp(9)).unwrap();
        assert_eq!(next.batch_id(), Some(&BatchId("batch-2".into())));
        for resolution in [adopt, Resolution::Resubmit] {
            let refused = resolve_part(&quarantined(PartState::Ready), &resolution, Timestamp(9));
            assert_eq!(refused, Err(Unresolvable::NothingSent));
        }
    }

    #[test]
    fn what_goes_its_way_is_left_alone() {
        for resolution in [Resolution::Again, Resolution::Fail] {
            let refused = resolve_part(&submitted(), &resolution, Timestamp(9));
            assert_eq!(refused, Err(Unresolvable::NotQuarantined));
        }
        assert_eq!(resolve_job(&JobState::Seen), Err(Unresolvable::NotQuarantined));
    }
}
