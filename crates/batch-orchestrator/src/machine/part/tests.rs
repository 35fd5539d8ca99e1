use std::time::Duration;

use aoai_batch_client::FileId;

use super::*;
use crate::model::{JobKey, PartKey, PartPlan, ProblemKind, TokenTotals};

const NOW: Timestamp = Timestamp(1_000_000);

fn timing() -> Timing {
    Timing {
        list_settle: Duration::from_mins(5),
        file_poll: Duration::from_secs(5),
        own_poll: Duration::from_mins(10),
        max_generations: 3,
    }
}

fn submission(generation: u32) -> Submission {
    Submission::new(generation, file(&format!("file-{generation}")), Strays::default())
}

fn file(id: &str) -> ServiceInput {
    ServiceInput::File(FileId(id.into()))
}

fn creating(generation: u32) -> PartState {
    PartState::Creating { submission: submission(generation), intent_at: NOW }
}

fn next(state: &PartState, event: PartEvent, now: Timestamp) -> PartStep {
    advance_part(state, event, now, &timing()).unwrap()
}

fn not_found(looked_at: Timestamp) -> PartEvent {
    PartEvent::BatchNotFound { looked_at }
}

/// One of each state.
fn every_state() -> Vec<PartState> {
    let s = submission(1);
    let batch_id = BatchId("batch".into());
    vec![
        PartState::Ready,
        PartState::Merged { bundle: JobKey("bundle".into()) },
        PartState::Recovering { since: NOW },
        PartState::Uploading { generation: 1, since: NOW, strays: Strays::default() },
        PartState::Uploaded(s.clone()),
        creating(1),
        PartState::Uncertain { submission: s.clone(), intent_at: NOW, since: NOW },
        PartState::Fencing { submission: s.clone(), intent_at: NOW, deleted_at: None },
        PartState::Fencing { submission: s.clone(), intent_at: NOW, deleted_at: Some(NOW) },
        PartState::Submitted { submission: s.clone(), batch_id, since: NOW },
        PartState::Ended { submission: Some(s), batch: None, failure: None },
        PartState::Quarantined { reason: String::new(), was: Box::new(PartState::Ready) },
    ]
}

/// One of each event.
fn every_event() -> Vec<PartEvent> {
    use PartEvent as E;
    let failure = PartFailure { code: "c".into(), message: "m".into() };
    let problem =
        Problem { kind: ProblemKind::Quota, message: String::new(), hint: None, lasting: false, since: NOW };
    let batch_id = BatchId("batch".into());
    let result = PartResult {
        bundle: None,
        key: PartKey { job: JobKey("k".into()), part: 1, attempt: 1 },
        plan: PartPlan {
            number: 1,
            first_line: 1,
            lines: 1,
            offset: 0,
            bytes: 1,
            upload_bytes: 1,
            tokens: TokenTotals::ZERO,
            named: None,
            again: None,
        },
        deployment: None,
        cost: None,
        submission: None,
        batch: None,
        failure: None,
        harvest: crate::model::Harvest {
            output: None,
            error: None,
            failed: None,
            again: None,
            answered: 0,
            prompt_tokens: 0,
            cached_tokens: 0,
            completion_tokens: 0,
        },
    };
    let wait = Duration::from_secs(7);
    vec![
        E::Admitted,
        E::Moved,
        E::NoPlace { problem: problem.clone() },
        E::Merged { bundle: JobKey("bundle".into()) },
        E::Unmerged { problem: problem.clone() },
        E::Delivered(Box::new(result.clone())),
        E::InputStored { input: file("f"), doubtful: true, sha256: None },
        E::InputGone,
        E::UploadRefused(failure.clone()),
        E::FilePending,
        E::FileReady,
        E::FileUnusable { message: String::new() },
        E::ImportFailed { wait, problem: problem.clone() },
        E::Created { batch_id: batch_id.clone(), enqueued: None },
        E::CreateRefused(failure),
        E::CreatePostponed { wait, problem: problem.clone(), full: true },
        E::CreateUncertain,
        E::Interrupted,
        E::BatchFound { batch_id },
        E::BatchNotFound { looked_at: NOW },
        E::InputDeleted,
        E::EndedBefore { batch: None },
        E::StillRunning,
        E::Progressed(Progress { status: "in_progress".into(), done: 1, since: NOW }),
        E::CancelWanted { reason: CancelReason::Stalled },
        E::Unwanted { reason: CancelReason::Requested },
        E::BatchPostponed { wait, problem, full: true },
        E::OtherGenerationFailed,
        E::Harvested(Box::new(result)),
        E::Quarantine { reason: String::new() },
    ]
}

#[test]
fn the_only_way_to_create_is_through_a_processed_file_and_each_generation_creates_once_without_a_definite_no()
{
    // From every state, by every event: who leads into CREATING, and where does CREATING lead?
    for state in every_state() {
        for event in every_event() {
            let Ok(step) = advance_part(&state, event.clone(), NOW, &timing()) else { continue };
            if matches!(step.state, PartState::Creating { .. }) {
                assert!(matches!(state, PartState::Uploaded(_)) && event == PartEvent::FileReady);
            }
            if matches!(state, PartState::Creating { .. }) && matches!(step.state, PartState::Uploaded(_)) {
                assert!(
                    matches!(event, PartEvent::CreatePostponed { .. }),
                    "only a definite no may create again"
                );
            }
        }
    }
}

#[test]
fn an_uncertain_create_is_never_sent_again_on_the_same_file() {
    for event in [PartEvent::CreateUncertain, PartEvent::Interrupted] {
        let mut state = next(&creating(1), event, NOW).state;
        assert!(matches!(state, PartState::Uncertain { .. }));
        // Not found at once proves nothing: it waits until the lists have settled.
        let early = next(&state, not_found(NOW), NOW);
        assert_eq!((early.state.name(), early.due_at), ("uncertain", NOW.after(timing().list_settle)));
        let settled = NOW.after(timing().list_settle);
        state = next(&state, not_found(settled), settled).state;
        assert!(matches!(state, PartState::Fencing { deleted_at: None, .. }));
        state = next(&state, PartEvent::InputDeleted, settled).state;
        let early = next(&state, not_found(settled), settled);
        assert_eq!(early.state.name(), "fencing", "a list before the settle time is no proof");
        let again = settled.after(timing().list_settle);
        let late = next(&state, not_found(settled), again);
        assert_eq!(late.state.name(), "fencing", "what counts is when the list was asked for");
        state = next(&state, not_found(again), again).state;
        let PartState::Uploading { generation, strays, .. } = state else { panic!("{state:?}") };
        assert_eq!((generation, strays.inputs), (2, vec![file("file-1")]));
    }
}

#[test]
fn a_batch_that_shows_up_late_is_adopted() {
    let s = submission(1);
    for state in [
        PartState::Uncertain { submission: s.clone(), intent_at: NOW, since: NOW },
        PartState::Fencing { submission: s, intent_at: NOW, deleted_at: Some(NOW) },
    ] {
        let step = next(&state, PartEvent::BatchFound { batch_id: BatchId("b".into()) }, NOW);
        assert_eq!(step.state.batch_id(), Some(&BatchId("b".into())));
    }
}

#[test]
fn a_batch_of_an_earlier_generation_that_failed_settles_nothing() {
    let batch_id = BatchId("b".into());
    let state = PartState::Submitted { submission: submission(2), batch_id: batch_id.clone(), since: NOW };
    let step = next(&state, PartEvent::OtherGenerationFailed, NOW);
    let PartState::Uncertain { submission, .. } = &step.state else { panic!("{step:?}") };
    assert_eq!((submission.generation, &submission.strays.failed_batches), (2, &vec![batch_id]));
    let early = next(&step.state, not_found(NOW), NOW);
    assert_eq!(early.state.name(), "uncertain", "the lists have to settle anew");
}

#[test]
fn a_refusal_for_want_of_room_keeps_the_file_and_says_why_it_waits() {
    let problem = Problem {
        kind: ProblemKind::Quota,
        message: "token_limit_exceeded".into(),
        hint: None,
        lasting: false,
        since: NOW,
    };
    let wait = Duration::from_secs(30);
    let step =
        next(&creating(1), PartEvent::CreatePostponed { wait, problem: problem.clone(), full: true }, NOW);
    let PartState::Uploaded(submission) = &step.state else { panic!("{step:?}") };
    assert_eq!((submission.postponed, submission.postponed_since), (1, Some(NOW)));
    assert_eq!((step.due_at, step.problem), (NOW.after(wait), Some(problem)));
}

#[test]
fn generations_are_used_up_in_the_end() {
    let state = PartState::Uploaded(submission(3));
    let step = next(&state, PartEvent::FileUnusable { message: "bad".into() }, NOW);
    assert!(matches!(step.state, PartState::Ended { failure: Some(_), .. }), "{step:?}");
}

#[test]
fn what_makes_no_sense_is_a_typed_error() {
    let error = advance_part(&PartState::Ready, PartEvent::FileReady, NOW, &timing()).unwrap_err();
    assert_eq!(error.state, "ready");
    for event in every_event() {
        let quarantined = PartState::Quarantined { reason: String::new(), was: Box::new(PartState::Ready) };
        assert!(advance_part(&quarantined, event, NOW, &timing()).is_err(), "only a person moves it");
    }
}

#[test]
fn imports_that_fail_are_tried_again_for_ever_and_cost_no_generation_of_the_file() {
    let problem =
        Problem { kind: ProblemKind::Service, message: "no".into(), hint: None, lasting: false, since: NOW };
    let mut state = PartState::Uploaded(submission(1));
    let wait = Duration::from_secs(7);
    for failed in 1..=20 {
        let step = next(&state, PartEvent::ImportFailed { wait, problem: problem.clone() }, NOW);
        assert_eq!((step.due_at, step.problem), (NOW.after(wait), Some(problem.clone())));
        assert_eq!((step.state.name(), step.state.setbacks()), ("uploading", failed));
        let stored = PartEvent::InputStored { input: file("f"), doubtful: false, sha256: None };
        state = next(&step.state, stored, NOW).state;
    }
    let PartState::Uploaded(submission) = &state else { panic!("{state:?}") };
    assert_eq!((submission.generation, submission.strays.setbacks.since), (21, Some(NOW)));
    // A file that arrived and then cannot be used counts as ever.
    let step = next(&state, PartEvent::FileUnusable { message: "bad".into() }, NOW);
    assert_eq!(step.state.name(), "uploading");
}

#[test]
fn an_input_that_changed_while_it_was_imported_ends_with_what_must_be_cleaned_up() {
    let step = next(&PartState::Uploaded(submission(1)), PartEvent::InputGone, NOW);
    let PartState::Ended { submission: Some(_), batch: None, failure: Some(failure) } = step.state else {
        panic!("{step:?}")
    };
    assert!(failure.is_input_replaced());
}

/// The lines of a part are either in a bundle or sent by itself, never both.
#[test]
fn a_part_joins_a_bundle_before_anything_of_it_is_sent_and_leaves_it_only_when_nothing_was() {
    for state in every_state() {
        for event in every_event() {
            let Ok(step) = advance_part(&state, event.clone(), NOW, &timing()) else { continue };
            let quarantined = matches!(step.state, PartState::Quarantined { .. });
            if matches!(step.state, PartState::Merged { .. }) && !matches!(state, PartState::Merged { .. }) {
                assert!(matches!(state, PartState::Ready | PartState::Recovering { .. }), "{state:?}");
            }
            if matches!(state, PartState::Merged { .. }) && !quarantined {
                let goes_alone =
                    step.state == PartState::Ready && matches!(event, PartEvent::Unmerged { .. });
                let waits = matches!(step.state, PartState::Merged { .. } | PartState::Resolved(_));
                assert!(goes_alone || waits, "{event:?}: {step:?}");
            }
        }
    }
}

/// Whether something was paid for must be known before a part is ended: only what has no intent can simply not be sent.
#[test]
fn what_may_have_been_paid_for_is_never_just_given_up() {
    for state in every_state() {
        let given_up =
            advance_part(&state, PartEvent::Unwanted { reason: CancelReason::Requested }, NOW, &timing());
        let nothing_sent =
            matches!(state, PartState::Ready | PartState::Uploading { .. } | PartState::Uploaded(_));
        assert_eq!(given_up.is_ok(), nothing_sent, "{state:?}");
        if let Ok(step) = given_up {
            let PartState::Ended { batch: None, failure: Some(failure), submission } = step.state else {
                panic!("{state:?}")
            };
            assert_eq!(failure.code, "cancelled");
            assert_eq!(
                submission.is_some(),
                matches!(state, PartState::Uploaded(_)),
                "its file is deleted in the end"
            );
        }
        let wanted =
            advance_part(&state, PartEvent::CancelWanted { reason: CancelReason::Stalled }, NOW, &timing());
        assert_eq!(wanted.is_ok(), matches!(state, PartState::Submitted { .. }), "{state:?}");
        if let Ok(step) = wanted {
            // It stays what it is until the service says so.
            let PartState::Submitted { submission, .. } = &step.state else { panic!("{step:?}") };
            let cancelling = Cancelling { reason: CancelReason::Stalled, since: NOW };
            assert_eq!((submission.cancelling, step.due_at), (Some(cancelling), NOW));
        }
    }
}

/// What was noted of a batch that came to nothing is not true of the next one: that would be cancelled at once.
#[test]
fn the_next_batch_begins_without_the_notes_on_the_last() {
    let mut noted = submission(1);
    noted.progress = Some(Progress { status: "validating".into(), done: 0, since: Timestamp(1) });
    noted.cancelling = Some(Cancelling { reason: CancelReason::Stalled, since: Timestamp(2) });
    let state = PartState::Submitted { submission: noted, batch_id: BatchId("b".into()), since: NOW };
    let problem =
        Problem { kind: ProblemKind::Quota, message: "full".into(), hint: None, lasting: false, since: NOW };
    for event in [
        PartEvent::BatchPostponed { wait: Duration::ZERO, problem, full: true },
        PartEvent::OtherGenerationFailed,
    ] {
        let step = advance_part(&state, event, NOW, &timing()).unwrap();
        let (PartState::Uploaded(submission) | PartState::Uncertain { submission, .. }) = step.state else {
            panic!("{step:?}")
        };
        assert_eq!((submission.progress, submission.cancelling), (None, None));
    }
}
