//! The model and the product's state machine are two texts. Here they are held against each other, both ways.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking, helpers included")]

use std::{collections::HashSet, time::Duration};

use aoai_batch_client::{Batch, BatchId, FileId};
use batch_orchestrator::{
    machine::{PartEvent, Timing, advance_part},
    model::{
        Harvest, JobKey, PartFailure, PartKey, PartPlan, PartResult, PartState, Problem, ProblemKind,
        ServiceInput, Strays, Submission as Sent, Timestamp, TokenTotals,
    },
};
use submission_model::{Bounds, Event, Protocol, Record, Stage, Submission, Variant, advance, transitions};

const NOW: Timestamp = Timestamp(1_000_000);
const GENERATIONS: u8 = 2;
/// One of each.
const STAGES: [Stage; 9] = [
    Stage::Uploading,
    Stage::Uploaded,
    Stage::Creating,
    Stage::Uncertain,
    Stage::Fencing,
    Stage::Fenced,
    Stage::Submitted(0),
    Stage::Ended(None),
    Stage::Ended(Some(0)),
];

fn timing() -> Timing {
    Timing {
        list_settle: Duration::from_mins(5),
        file_poll: Duration::from_secs(5),
        own_poll: Duration::from_mins(10),
        max_generations: GENERATIONS.into(),
    }
}

fn input(generation: u8) -> ServiceInput {
    ServiceInput::File(FileId(format!("file-{generation}")))
}

fn batch_id(number: u8) -> BatchId {
    BatchId(number.to_string())
}

fn batch(number: u8) -> Box<Batch> {
    let json = format!(r#"{{"id":"{number}","status":"completed"}}"#);
    Box::new(serde_json::from_str(&json).unwrap())
}

fn problem() -> Problem {
    Problem { kind: ProblemKind::Quota, message: String::new(), hint: None, lasting: false, since: NOW }
}

fn failure() -> PartFailure {
    PartFailure { code: "code".into(), message: "message".into() }
}

fn sent() -> Sent {
    Sent::new(1, input(1), Strays::default())
}

/// The product's state for a row of the model.
fn state(Record { generation, stage }: Record) -> PartState {
    let submission = Sent::new(generation.into(), input(generation), Strays::default());
    match stage {
        Stage::Uploading => {
            PartState::Uploading { generation: generation.into(), since: NOW, strays: Strays::default() }
        }
        Stage::Uploaded => PartState::Uploaded(submission),
        Stage::Creating => PartState::Creating { submission, intent_at: NOW },
        Stage::Uncertain => PartState::Uncertain { submission, intent_at: NOW, since: NOW },
        Stage::Fencing => PartState::Fencing { submission, intent_at: NOW, deleted_at: None },
        Stage::Fenced => PartState::Fencing { submission, intent_at: NOW, deleted_at: Some(NOW) },
        Stage::Submitted(number) => {
            PartState::Submitted { submission, batch_id: batch_id(number), since: NOW }
        }
        Stage::Ended(number) => {
            PartState::Ended { submission: Some(submission), batch: number.map(batch), failure: None }
        }
    }
}

/// The model's row for a state of the product.
fn row(state: &PartState) -> Record {
    let number = |id: &BatchId| id.0.parse::<u8>().unwrap();
    let (generation, stage) = match state {
        PartState::Uploading { generation, .. } => (*generation, Stage::Uploading),
        PartState::Uploaded(sent) => (sent.generation, Stage::Uploaded),
        PartState::Creating { submission, .. } => (submission.generation, Stage::Creating),
        PartState::Uncertain { submission, .. } => (submission.generation, Stage::Uncertain),
        PartState::Fencing { submission, deleted_at: None, .. } => (submission.generation, Stage::Fencing),
        PartState::Fencing { submission, .. } => (submission.generation, Stage::Fenced),
        PartState::Submitted { submission, batch_id, .. } => {
            (submission.generation, Stage::Submitted(number(batch_id)))
        }
        PartState::Ended { submission, batch, .. } => (
            submission.as_ref().unwrap().generation,
            Stage::Ended(batch.as_ref().map(|batch| number(&batch.id))),
        ),
        PartState::Ready
        | PartState::Merged { .. }
        | PartState::Recovering { .. }
        | PartState::Resolved(_)
        | PartState::Quarantined { .. } => {
            panic!("{} is outside the model", state.name())
        }
    };
    Record { generation: generation.try_into().unwrap(), stage }
}

/// The product's event for one of the model, and when it is told.
fn event(record: Record, event: Event) -> (PartEvent, Timestamp) {
    let wait = Duration::from_secs(7);
    let event = match event {
        Event::InputStored => {
            PartEvent::InputStored { input: input(record.generation), doubtful: false, sha256: None }
        }
        Event::FileReady => PartEvent::FileReady,
        Event::FileUnusable => PartEvent::FileUnusable { message: String::new() },
        Event::Created(number) => PartEvent::Created { batch_id: batch_id(number), enqueued: None },
        Event::CreateRefused => PartEvent::CreateRefused(failure()),
        Event::CreatePostponed => PartEvent::CreatePostponed { wait, problem: problem(), full: true },
        Event::CreateUncertain => PartEvent::CreateUncertain,
        Event::Interrupted => PartEvent::Interrupted,
        Event::BatchFound(number) => PartEvent::BatchFound { batch_id: batch_id(number) },
        Event::BatchNotFound { settled: false } => PartEvent::BatchNotFound { looked_at: NOW },
        Event::BatchNotFound { settled: true } => {
            let later = NOW.after(timing().list_settle);
            return (PartEvent::BatchNotFound { looked_at: later }, later);
        }
        Event::InputDeleted => PartEvent::InputDeleted,
        Event::BatchEnded => {
            let Stage::Submitted(number) = record.stage else { panic!("{record:?}") };
            PartEvent::BatchEnded(batch(number))
        }
        Event::BatchPostponed => PartEvent::BatchPostponed { wait, problem: problem(), full: true },
        Event::OtherGenerationFailed => PartEvent::OtherGenerationFailed,
    };
    (event, NOW)
}

/// The writes of the full protocol, with everything that the service may do.
fn writes() -> HashSet<(Record, Event, Record)> {
    let bounds =
        Bounds { workers: 1, crashes: 1, pauses: 0, generations: GENERATIONS, sends: 3, refusals: 1 };
    let service = Variant::by_letter('O').unwrap().service;
    transitions(&Submission { protocol: Protocol::FULL, service, bounds, nameless: true })
}

#[test]
fn every_write_of_the_model_is_one_that_the_product_makes() {
    let writes = writes();
    assert!(writes.len() > 50, "{}", writes.len());
    for (before, learned, after) in writes {
        let (learned_by_product, now) = event(before, learned);
        let step = advance_part(&state(before), learned_by_product, now, &timing()).unwrap();
        assert_eq!(row(&step.state), after, "{before:?} {learned:?}");
    }
}

/// Where an event is no matter of paying once.
fn outside(state: &PartState, event: &PartEvent) -> Option<&'static str> {
    Some(match (state, event) {
        (PartState::Ready, PartEvent::Admitted | PartEvent::NoPlace { .. }) => "nothing is sent before",
        (PartState::Uploading { .. } | PartState::Uploaded(_), PartEvent::Moved) => {
            "to the model, an input that is unusable"
        }
        (PartState::Uploading { .. }, PartEvent::InputGone | PartEvent::UploadRefused(_)) => {
            "ends without a POST"
        }
        (PartState::Uploaded(_), PartEvent::InputGone) => "ends with no POST in doubt",
        (PartState::Uploaded(_), PartEvent::ImportFailed { .. }) => "to the model, an input that is unusable",
        (PartState::Uploaded(_), PartEvent::FilePending)
        | (PartState::Submitted { .. }, PartEvent::StillRunning) => "waits",
        (PartState::Ended { .. }, PartEvent::Harvested(_)) => "what was paid for is there",
        (PartState::Ended { .. }, PartEvent::FileUnusable { .. }) => {
            "an embedded emulator, which costs nothing"
        }
        (PartState::Recovering { .. }, _)
        | (
            PartState::Ready | PartState::Uploading { .. } | PartState::Uploaded(_),
            PartEvent::Adopted { .. },
        ) => "a lost ledger: the simulator's matter",
        (_, PartEvent::Quarantine { .. }) => "a person decides",
        _ => return None,
    })
}

#[test]
fn every_step_of_the_product_is_in_the_model_or_is_no_matter_of_paying_once() {
    let of_the_model = [
        Event::InputStored,
        Event::FileReady,
        Event::FileUnusable,
        Event::Created(0),
        Event::CreateRefused,
        Event::CreatePostponed,
        Event::CreateUncertain,
        Event::Interrupted,
        Event::BatchFound(0),
        Event::BatchNotFound { settled: false },
        Event::BatchNotFound { settled: true },
        Event::InputDeleted,
        Event::BatchEnded,
        Event::BatchPostponed,
        Event::OtherGenerationFailed,
    ];
    let met: HashSet<_> = writes()
        .into_iter()
        .map(|(before, learned, _)| (std::mem::discriminant(&before.stage), without_number(learned)))
        .collect();
    let mut compared = 0;
    for stage in STAGES {
        let record = Record { generation: 1, stage };
        for learned in of_the_model {
            // An end is the end of a certain batch.
            if learned == Event::BatchEnded && !matches!(stage, Stage::Submitted(_)) {
                continue;
            }
            let (learned_by_product, now) = event(record, learned);
            let product = advance_part(&state(record), learned_by_product.clone(), now, &timing()).ok();
            let product = product.filter(|_| outside(&state(record), &learned_by_product).is_none());
            // What the product refuses, the model may know for its variants, but never comes to.
            let reached = met.contains(&(std::mem::discriminant(&stage), without_number(learned)));
            match product {
                None => assert!(!reached, "the product refuses {stage:?} {learned:?}"),
                Some(step) => {
                    let model = advance(&Protocol::FULL, GENERATIONS, record, learned);
                    assert_eq!(Some(row(&step.state)), model, "{stage:?} {learned:?}");
                    assert!(reached, "the model never comes to {stage:?} {learned:?}");
                    compared += 1;
                }
            }
        }
    }
    assert_eq!(compared, met.len());
}

fn without_number(event: Event) -> Event {
    match event {
        Event::Created(_) => Event::Created(0),
        Event::BatchFound(_) => Event::BatchFound(0),
        other => other,
    }
}

#[test]
fn events_that_the_model_does_not_have_are_outside_wherever_the_product_takes_them() {
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
        harvest: Harvest {
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
    let events = [
        PartEvent::Admitted,
        PartEvent::Moved,
        PartEvent::NoPlace { problem: problem() },
        PartEvent::InputGone,
        PartEvent::UploadRefused(failure()),
        PartEvent::FilePending,
        PartEvent::ImportFailed { wait: Duration::ZERO, problem: problem() },
        PartEvent::StillRunning,
        PartEvent::Adopted { submission: sent(), batch_id: batch_id(0) },
        PartEvent::InputFound { submission: sent(), looked_at: NOW },
        PartEvent::NothingFound { looked_at: NOW },
        PartEvent::Harvested(Box::new(result)),
        PartEvent::Quarantine { reason: String::new() },
    ];
    let states = STAGES.map(|stage| state(Record { generation: 1, stage }));
    for state in states.iter().chain([&PartState::Ready, &PartState::Recovering { since: NOW }]) {
        for event in &events {
            let taken = advance_part(state, event.clone(), NOW, &timing()).is_ok();
            assert!(!taken || outside(state, event).is_some(), "{} {event:?} is new", state.name());
        }
    }
}
