//! The machine of a part attempt.

mod generation;

use std::time::Duration;

use aoai_batch_client::{Batch, BatchId, EnqueuedTokens};

use self::generation::{moved, next_generation};
use super::IllegalEvent;
use crate::model::{
    CancelReason, Cancelling, JobKey, PartFailure, PartResult, PartState, Problem, Progress, ServiceInput,
    Strays, Submission, Timestamp,
};

/// What a stage found or did.
#[derive(Debug, Clone, PartialEq)]
pub enum PartEvent {
    /// There is a place in the window.
    Admitted,
    /// Its lines are sent in a bundle with those of other files.
    Merged {
        /// The bundle's job.
        bundle: JobKey,
    },
    /// The bundle came to nothing before anything of it was sent.
    Unmerged {
        /// For people.
        problem: Problem,
    },
    /// Its share of a bundle's results is in the lake.
    Delivered(Box<PartResult>),
    /// No deployment has room for it, now or soon.
    NoPlace {
        /// For people.
        problem: Problem,
    },
    /// It goes to another deployment, and what was stored for this one is gone or listed for. Nothing was created of it.
    Moved,
    /// The input is where the service reads it. `doubtful`: other copies of it may exist at the service.
    InputStored {
        /// Where.
        input: ServiceInput,
        /// Whether the clean-up must list for copies.
        doubtful: bool,
        /// SHA-256 of the bytes, where they passed through here.
        sha256: Option<String>,
    },
    /// What follows this attempt was decided before, by a state of the ledger that is lost: no batch is created of it any more.
    EndedBefore {
        /// How it ended, if the service still knows a batch of it: one that cost nothing.
        batch: Option<Box<Batch>>,
    },
    /// A batch of this part was found that the ledger did not know.
    Adopted {
        /// Of what.
        submission: Submission,
        /// Its id.
        batch_id: BatchId,
    },
    /// No batch was found, but an input that one may still be made of.
    InputFound {
        /// The newest.
        submission: Submission,
        /// When the listing was asked for.
        looked_at: Timestamp,
    },
    /// Neither batch nor input was found.
    NothingFound {
        /// When the listing was asked for.
        looked_at: Timestamp,
    },
    /// The input is not the planned version any more, and the service has no copy of that.
    InputGone,
    /// The service refuses the file for good.
    UploadRefused(PartFailure),
    /// The file is not processed yet.
    FilePending,
    /// The file is processed: the intent to create may be written.
    FileReady,
    /// The service lost the input, or could not process it.
    FileUnusable {
        /// The service's words.
        message: String,
    },
    /// The service could not import the file, and what it has of it is deleted. Not the file's fault.
    ImportFailed {
        /// When to try again.
        wait: Duration,
        /// Why.
        problem: Problem,
    },
    /// The batch exists.
    Created {
        /// Its id.
        batch_id: BatchId,
        /// The service's own count, where it tells.
        enqueued: Option<EnqueuedTokens>,
    },
    /// The service certainly did not create it, and will not later either.
    CreateRefused(PartFailure),
    /// The service certainly did not create it, but may at another time.
    CreatePostponed {
        /// When to try again.
        wait: Duration,
        /// Why.
        problem: Problem,
        /// Whether it is the enqueued tokens that there is no room for.
        full: bool,
    },
    /// The service may have created it.
    CreateUncertain,
    /// Somebody else wrote the intent and we do not know what came of it (a restart).
    Interrupted,
    /// The listing shows our batch.
    BatchFound {
        /// Its id.
        batch_id: BatchId,
    },
    /// The listing does not show it.
    BatchNotFound {
        /// When the listing was asked for: what counts is that the settle time was over then, not when its answer is
        /// written down.
        looked_at: Timestamp,
    },
    /// What the batch would read is gone.
    InputDeleted,
    /// The batch still runs.
    StillRunning,
    /// The batch has got on, or is seen for the first time.
    Progressed(Progress),
    /// The end of the batch is wanted. The service is asked when that is written down.
    CancelWanted {
        /// Why.
        reason: CancelReason,
    },
    /// Nothing was sent yet, and nothing is to be.
    Unwanted {
        /// Why.
        reason: CancelReason,
    },
    /// The batch has ended.
    BatchEnded(Box<Batch>),
    /// The batch failed without cost because the service had no room, or may not read the lake.
    BatchPostponed {
        /// When to try again.
        wait: Duration,
        /// Why.
        problem: Problem,
        /// Whether it is the enqueued tokens that there is no room for.
        full: bool,
    },
    /// The batch that was found failed without cost, and it was made of an earlier generation's input: it says nothing of
    /// the request of the present one.
    OtherGenerationFailed,
    /// The results are safe in the lake.
    Harvested(Box<PartResult>),
    /// Only a person can decide.
    Quarantine {
        /// Why.
        reason: String,
    },
}

/// The waiting times of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How long the service's lists may lag behind.
    pub list_settle: Duration,
    /// How often to look at a file that is not processed yet.
    pub file_poll: Duration,
    /// How long a submitted part waits for the poller before it asks for its own batch.
    pub own_poll: Duration,
    /// How many inputs one attempt may use up before it fails; imports that failed do not count.
    pub max_generations: u32,
}

/// The next state, and when there is something to do in it.
#[derive(Debug, Clone, PartialEq)]
pub struct PartStep {
    /// The next state.
    pub state: PartState,
    /// When it is due.
    pub due_at: Timestamp,
    /// Why it waits, if it does.
    pub problem: Option<Problem>,
}

/// State and event give the next state.
///
/// # Errors
/// `IllegalEvent` where the event makes no sense in the state.
pub fn advance_part(
    state: &PartState,
    event: PartEvent,
    now: Timestamp,
    timing: &Timing,
) -> Result<PartStep, IllegalEvent> {
    use PartEvent as E;
    use PartState as S;
    let step = |state, due_at| Ok(PartStep { state, due_at, problem: None });
    let postpone = |mut submission: Submission, wait, problem| {
        submission.forget_batch();
        submission.postponed += 1;
        submission.postponed_since.get_or_insert(now);
        Ok(PartStep { state: S::Uploaded(submission), due_at: now.after(wait), problem: Some(problem) })
    };
    match (state.clone(), event) {
        (S::Resolved(_) | S::Quarantined { .. }, event) => illegal(state, &event),
        (was, E::Quarantine { reason }) => {
            step(S::Quarantined { reason, was: Box::new(was) }, Timestamp::NEVER)
        }

        (S::Ready, E::Admitted) => {
            step(S::Uploading { generation: 1, since: now, strays: Strays::default() }, now)
        }

        (
            S::Recovering { .. } | S::Ready | S::Uploading { .. } | S::Uploaded(_),
            E::Adopted { submission, batch_id },
        ) => step(S::Submitted { submission, batch_id, since: now }, now),
        // The first look comes at once: it may be delivered already.
        (S::Ready | S::Recovering { .. }, E::Merged { bundle }) => step(S::Merged { bundle }, now),
        (S::Merged { bundle }, E::StillRunning) => step(S::Merged { bundle }, now.after(timing.own_poll)),
        (S::Merged { .. }, E::Unmerged { problem }) => {
            Ok(PartStep { state: S::Ready, due_at: now, problem: Some(problem) })
        }
        (S::Ready | S::Recovering { .. } | S::Merged { .. }, E::Delivered(result)) => {
            step(S::Resolved(result), Timestamp::NEVER)
        }
        (S::Ready, E::NoPlace { problem }) => {
            Ok(PartStep { state: S::Ready, due_at: now, problem: Some(problem) })
        }
        // No intent was ever written for this generation, so no request can come late: nothing has to be fenced.
        (S::Uploading { generation, strays, .. }, E::Moved) => {
            step(moved(generation, Strays { must_list: true, ..strays }, now), now)
        }
        (S::Uploaded(Submission { generation, strays, .. }), E::Moved) => {
            step(moved(generation, strays, now), now)
        }
        // As with an uncertain create: that there is none means nothing before the lists have settled.
        (S::Recovering { since }, E::InputFound { looked_at, .. } | E::NothingFound { looked_at })
            if looked_at < since.after(timing.list_settle) =>
        {
            step(state.clone(), since.after(timing.list_settle))
        }
        (S::Recovering { since }, E::InputFound { submission, .. }) => {
            step(S::Fencing { submission, intent_at: since, deleted_at: None }, now)
        }
        (S::Recovering { .. }, E::NothingFound { .. }) => {
            let strays = Strays { must_list: true, ..Strays::default() };
            step(S::Uploading { generation: 1, since: now, strays }, now)
        }

        (S::Uploading { generation, mut strays, .. }, E::InputStored { input, doubtful, sha256 }) => {
            strays.must_list |= doubtful;
            step(S::Uploaded(Submission { sha256, ..Submission::new(generation, input, strays) }), now)
        }
        (S::Uploading { .. }, E::InputGone) => step(
            S::Ended { submission: None, batch: None, failure: Some(PartFailure::input_replaced()) },
            now,
        ),
        (S::Uploading { .. }, E::UploadRefused(failure)) => {
            step(S::Ended { submission: None, batch: None, failure: Some(failure) }, now)
        }

        (state @ (S::Uploaded(_) | S::Recovering { .. }), E::EndedBefore { batch }) => {
            let submission = if let S::Uploaded(submission) = state { Some(submission) } else { None };
            let message = "what follows this attempt was decided before the ledger was lost".to_owned();
            let failure = PartFailure { code: PartFailure::UNCONFIRMED.into(), message };
            step(S::Ended { submission, failure: batch.is_none().then_some(failure), batch }, now)
        }
        (S::Uploaded(submission), E::FilePending) => {
            step(S::Uploaded(submission), now.after(timing.file_poll))
        }
        (S::Uploaded(mut submission), E::FileReady) => {
            submission.strays.setbacks.since = None;
            step(S::Creating { submission, intent_at: now }, now)
        }
        // An import is read by the service, so it may have read another version.
        (S::Uploaded(submission), E::InputGone) => {
            let failure = Some(PartFailure::input_replaced());
            step(S::Ended { submission: Some(submission), batch: None, failure }, now)
        }
        (S::Uploaded(submission), E::ImportFailed { wait, problem }) => {
            let Submission { generation, mut strays, .. } = submission;
            strays.setbacks.count += 1;
            strays.setbacks.since.get_or_insert(now);
            let state = S::Uploading { generation: generation + 1, since: now, strays };
            Ok(PartStep { state, due_at: now.after(wait), problem: Some(problem) })
        }
        (S::Uploaded(submission), E::FileUnusable { message }) => {
            let failure = PartFailure { code: PartFailure::FILE_UNUSABLE.into(), message };
            step(next_generation(submission, now, timing, failure), now)
        }

        (S::Creating { submission, .. }, E::Created { batch_id, .. }) => {
            step(S::Submitted { submission, batch_id, since: now }, now.after(timing.own_poll))
        }
        (S::Creating { submission, .. }, E::CreateRefused(failure)) => {
            step(S::Ended { submission: Some(submission), batch: None, failure: Some(failure) }, now)
        }
        (S::Creating { submission, .. }, E::CreatePostponed { wait, problem, .. }) => {
            postpone(submission, wait, problem)
        }
        // Never POST again on this generation: whatever is unknown is looked up first. The first look comes at
        // once, for it may find the batch; not finding it means nothing before the lists have settled.
        (S::Creating { submission, intent_at }, E::CreateUncertain | E::Interrupted) => {
            step(S::Uncertain { submission, intent_at, since: now }, now)
        }

        (
            S::Uncertain { submission, .. } | S::Fencing { submission, deleted_at: Some(_), .. },
            E::BatchFound { batch_id },
        ) => step(S::Submitted { submission, batch_id, since: now }, now),
        (
            S::Uncertain { since, .. } | S::Fencing { deleted_at: Some(since), .. },
            E::BatchNotFound { looked_at },
        ) if looked_at < since.after(timing.list_settle) => {
            step(state.clone(), since.after(timing.list_settle))
        }
        (S::Uncertain { submission, intent_at, .. }, E::BatchNotFound { .. }) => {
            step(S::Fencing { submission, intent_at, deleted_at: None }, now)
        }
        (S::Fencing { submission, intent_at, deleted_at: None }, E::InputDeleted) => {
            step(S::Fencing { submission, intent_at, deleted_at: Some(now) }, now)
        }
        (S::Fencing { submission, deleted_at: Some(_), .. }, E::BatchNotFound { .. }) => {
            let message = "the service never confirmed the batch".to_owned();
            let failure = PartFailure { code: PartFailure::UNCONFIRMED.into(), message };
            step(next_generation(submission, now, timing, failure), now)
        }

        (S::Submitted { submission, batch_id, since }, E::StillRunning) => {
            step(S::Submitted { submission, batch_id, since }, now.after(timing.own_poll))
        }
        (S::Submitted { mut submission, batch_id, since }, E::Progressed(progress)) => {
            submission.progress = Some(progress);
            step(S::Submitted { submission, batch_id, since }, now.after(timing.own_poll))
        }
        (S::Submitted { mut submission, batch_id, since }, E::CancelWanted { reason }) => {
            submission.cancelling = Some(Cancelling { reason, since: now });
            step(S::Submitted { submission, batch_id, since }, now)
        }
        // No intent stands: whatever went before was found, or fenced.
        (S::Ready | S::Uploading { .. }, E::Unwanted { reason }) => {
            let failure = Some(PartFailure::unwanted(reason));
            step(S::Ended { submission: None, batch: None, failure }, now)
        }
        (S::Uploaded(submission), E::Unwanted { reason }) => {
            let failure = Some(PartFailure::unwanted(reason));
            step(S::Ended { submission: Some(submission), batch: None, failure }, now)
        }
        (S::Submitted { mut submission, batch_id, .. }, E::BatchPostponed { wait, problem, .. }) => {
            submission.strays.failed_batches.push(batch_id);
            postpone(submission, wait, problem)
        }
        // So the doubt that this batch was taken to settle is still there.
        (S::Submitted { mut submission, batch_id, since }, E::OtherGenerationFailed) => {
            submission.strays.failed_batches.push(batch_id);
            submission.forget_batch();
            step(S::Uncertain { submission, intent_at: since, since: now }, now)
        }
        (S::Submitted { submission, .. }, E::BatchEnded(batch)) => {
            step(S::Ended { submission: Some(submission), batch: Some(batch), failure: None }, now)
        }
        // After a fence the adopted batch finds its file gone and fails without cost; an embedded emulator forgets
        // batches and results: send it anew.
        (
            S::Submitted { submission, .. } | S::Ended { submission: Some(submission), .. },
            E::FileUnusable { message },
        ) => {
            let failure = PartFailure { code: PartFailure::FILE_UNUSABLE.into(), message };
            step(next_generation(submission, now, timing, failure), now)
        }

        (S::Ended { .. }, E::Harvested(result)) => step(S::Resolved(result), Timestamp::NEVER),

        (_, event) => illegal(state, &event),
    }
}

fn illegal(state: &PartState, event: &PartEvent) -> Result<PartStep, IllegalEvent> {
    Err(IllegalEvent { state: state.name(), event: format!("{event:?}") })
}

#[cfg(test)]
mod tests;
