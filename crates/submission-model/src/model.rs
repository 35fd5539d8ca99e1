//! The workers and the ledger, and the model as a whole.

use stateright::{Model, Property};

use crate::{
    Action, Adopt, Bounds, Doing, Event, Failure, Input, Lease, Post, Proof, Protocol, Record, Service,
    Settling, Stage, State, Status, Stored, Worker, advance,
};

/// The property that all this is for.
pub const ONE: &str = "at most one batch is paid for";
/// What was paid for is not left behind.
pub const KEPT: &str = "an attempt that is over has the results of what was paid for";
/// Sanity: the attempt gets through.
pub const HARVESTED: &str = "a batch that is paid for is harvested";
/// Sanity: a batch is found again.
pub const ADOPTED: &str = "a batch that is paid for is found in a list";
/// Sanity: the fence does something.
pub const LATE_AND_REFUSED: &str = "a second input is sent and the first POST still comes too late";

/// One attempt at one part.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The rules.
    pub protocol: Protocol,
    /// The service.
    pub service: Service,
    /// How far we look.
    pub bounds: Bounds,
    /// Workers are sorted, so that states which differ in their names alone are one. Exact, for all workers follow the
    /// same rules; but in a path a worker changes its name.
    pub nameless: bool,
}

impl Model for Submission {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let Bounds { workers, crashes, pauses, generations, sends, refusals } = self.bounds;
        vec![State {
            record: Record { generation: 1, stage: Stage::Uploading },
            lease: Lease::Free,
            settling: Settling::default(),
            workers: vec![Worker::Idle; usize::from(workers)],
            posts: Vec::new(),
            inputs: vec![Stored::Absent; usize::from(generations)],
            batches: Vec::new(),
            crashes,
            pauses,
            sends,
            refusals,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (at, worker) in (0..).zip(&state.workers) {
            // Workers in the same situation may do the same.
            if !(self.nameless && state.workers[..usize::from(at)].contains(worker)) {
                self.worker_actions(state, at, *worker, actions);
            }
        }
        if let Stage::Submitted(batch) = state.record.stage
            && !matches!(state.batches[usize::from(batch)].status, Status::Validating { .. })
        {
            actions.push(Action::Poll);
        }
        state.service_actions(&self.service, actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = last.clone();
        match action {
            Action::Claim(at) => self.claim(&mut next, at),
            Action::Crash(at) => {
                next.crashes -= 1;
                next.lease = Lease::Free;
                self.leave(&mut next, at);
            }
            Action::Pause(_) => {
                next.pauses -= 1;
                next.lease = Lease::Expired;
            }
            Action::GiveUp(at) => self.leave(&mut next, at),
            Action::Deliver(post, outcome) => next.deliver(&self.service, post, outcome),
            Action::LagEnds(batch) => next.show(batch),
            Action::SettleEnds => next.end_settling(),
            Action::Begins(batch) => next.batches[usize::from(batch)].status = Status::Billed,
            Action::FindsNoInput(batch) => next.fail(batch, Failure::Input),
            Action::FindsNoRoom(batch) => next.fail(batch, Failure::Room),
            Action::Poll => {
                let event = self.ended(&next)?;
                let record = advance(&self.protocol, self.bounds.generations, next.record, event)?;
                enter(&mut next, record);
            }
            Action::Upload(at)
            | Action::WriteIntent(at)
            | Action::Interrupt(at)
            | Action::Send(at)
            | Action::TimeOut(at)
            | Action::List(at, _)
            | Action::Delete(at)
            | Action::Commit(at) => self.work(&mut next, at, action),
        }
        next.posts.sort_unstable();
        if self.nameless {
            next.workers.sort_unstable();
        }
        (next != *last).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(ONE, |_, state: &State| state.billed().count() <= 1),
            Property::always(KEPT, |_, state: &State| match state.record.stage {
                Stage::Ended(kept) => state.billed().all(|batch| kept == Some(batch as u8)),
                _ => true,
            }),
            Property::sometimes(
                HARVESTED,
                |_, state: &State| matches!(state.record.stage, Stage::Ended(Some(kept)) if state.billed().eq([usize::from(kept)])),
            ),
        ];
        if self.protocol.intent && self.protocol.adopt != Adopt::Never {
            properties.push(Property::sometimes(ADOPTED, |_, state: &State| {
                state.workers.iter().any(|worker| matches!(worker, Worker::Busy { current: true, doing: Doing::Answer(Event::BatchFound(batch)), .. }
                    if state.batches[usize::from(*batch)].status == Status::Billed))
            }));
        }
        if self.protocol.fence {
            properties.push(Property::sometimes(LATE_AND_REFUSED, |_, state: &State| {
                let late =
                    state.posts.iter().any(|post| post.generation == 1 && state.input(1) == Stored::Deleted);
                late && state.billed().any(|batch| state.batches[batch].generation == 2)
            }));
        }
        properties
    }
}

impl Submission {
    fn worker_actions(&self, state: &State, at: u8, worker: Worker, actions: &mut Vec<Action>) {
        let Worker::Busy { current, generation, stage, fresh, doing } = worker else {
            if state.lease != Lease::Live
                && !matches!(state.record.stage, Stage::Submitted(_) | Stage::Ended(_))
            {
                actions.push(Action::Claim(at));
            }
            return;
        };
        if !current {
            actions.push(Action::GiveUp(at));
        } else if state.crashes > 0 {
            actions.push(Action::Crash(at));
        }
        if current && state.lease == Lease::Live && state.pauses > 0 {
            actions.push(Action::Pause(at));
        }
        match (doing, stage) {
            (Doing::Waiting, _) => actions.push(Action::TimeOut(at)),
            (Doing::Answer(_), _) => actions.push(Action::Commit(at)),
            (Doing::Effect, Stage::Uploading) => actions.push(Action::Upload(at)),
            (Doing::Effect, Stage::Uploaded) if self.protocol.intent => actions.push(Action::WriteIntent(at)),
            (Doing::Effect, Stage::Creating) if !fresh => actions.push(Action::Interrupt(at)),
            (Doing::Effect, Stage::Creating | Stage::Uploaded) => {
                if state.sends > 0 {
                    actions.push(Action::Send(at));
                }
            }
            (Doing::Effect, Stage::Fencing) => actions.push(Action::Delete(at)),
            (Doing::Effect, Stage::Uncertain | Stage::Fenced) => {
                self.listings(state, at, generation, actions);
            }
            (Doing::Effect, Stage::Submitted(_) | Stage::Ended(_)) => {}
        }
    }

    /// The furthest of the batches that are ours; of equal ones any.
    fn listings(&self, state: &State, at: u8, generation: u8, actions: &mut Vec<Action>) {
        let ours = |id: u8| {
            let batch = state.batches[usize::from(id)];
            let known = match self.protocol.adopt {
                Adopt::Never => false,
                Adopt::OwnGeneration => batch.generation == generation,
                Adopt::AnyGeneration => batch.generation <= generation,
            };
            (known && batch.listed && !matches!(batch.status, Status::Failed(_))).then_some(batch.status)
        };
        // Those which can only fail look like any other.
        let rank = |status| u8::from(status == Status::Billed);
        let ids = 0..state.batches.len() as u8;
        let best = ids.clone().filter_map(ours).map(rank).max();
        if best.is_none() {
            actions.push(Action::List(at, None));
        }
        for id in ids.filter(|id| best.is_some() && ours(*id).map(rank) == best) {
            actions.push(Action::List(at, Some(id)));
        }
    }

    fn claim(&self, state: &mut State, at: u8) {
        for worker in &mut state.workers {
            let Worker::Busy { current, stage, fresh, doing, .. } = worker else { continue };
            *current = false;
            // What a zombie may still do is an effect. All else ends in a write that the ledger refuses.
            let effect = *doing == Doing::Effect
                && match stage {
                    Stage::Uploading => self.protocol.input == Input::Path,
                    Stage::Uploaded => !self.protocol.intent,
                    Stage::Creating => *fresh,
                    Stage::Fencing => true,
                    _ => false,
                };
            if *doing == Doing::Waiting {
                state.posts.iter_mut().for_each(|post| post.awaited = false);
            }
            if *doing == Doing::Waiting || (self.protocol.guarded && !effect) {
                *worker = Worker::Idle;
            }
        }
        state.lease = Lease::Live;
        let Record { generation, stage } = state.record;
        state.workers[usize::from(at)] =
            Worker::Busy { current: true, generation, stage, fresh: false, doing: Doing::Effect };
    }

    fn leave(&self, state: &mut State, at: u8) {
        let worker = &mut state.workers[usize::from(at)];
        if matches!(worker, Worker::Busy { doing: Doing::Waiting, .. }) {
            state.posts.iter_mut().for_each(|post| post.awaited = false);
        }
        *worker = Worker::Idle;
    }

    /// A step of a worker that has the attempt in hand.
    fn work(&self, state: &mut State, at: u8, action: Action) {
        let Worker::Busy { current, generation, stage, doing, .. } = state.workers[usize::from(at)] else {
            return;
        };
        let answer = match (action, doing) {
            (Action::Upload(_), _) => {
                // Another copy under a new id is of no consequence: no `POST` will ever name it.
                if current || self.protocol.input == Input::Path {
                    *state.input_mut(generation) = Stored::Present;
                }
                Event::InputStored
            }
            (Action::Send(_), _) => {
                state.sends -= 1;
                // Nobody cares for the answer to a zombie.
                state.posts.push(Post { generation, awaited: current });
                let waits = Worker::Busy { current, generation, stage, fresh: true, doing: Doing::Waiting };
                state.workers[usize::from(at)] = if current { waits } else { Worker::Idle };
                return;
            }
            (Action::TimeOut(_), _) => {
                state.posts.iter_mut().for_each(|post| post.awaited = false);
                Event::CreateUncertain
            }
            (Action::List(_, Some(batch)), _) => Event::BatchFound(batch),
            (Action::List(_, None), _) => Event::BatchNotFound { settled: state.settling.over },
            (Action::Delete(_), _) => {
                *state.input_mut(generation) = Stored::Deleted;
                Event::InputDeleted
            }
            (Action::WriteIntent(_), _) => return self.commit(state, at, looked(state, generation)),
            (Action::Interrupt(_), _) => return self.commit(state, at, Event::Interrupted),
            (_, Doing::Answer(event)) => return self.commit(state, at, event),
            _ => return,
        };
        if let Worker::Busy { doing, .. } = &mut state.workers[usize::from(at)] {
            *doing = Doing::Answer(answer);
        }
    }

    /// A write, if the ledger takes it.
    fn commit(&self, state: &mut State, at: u8, event: Event) {
        let Worker::Busy { current, generation, stage, .. } = state.workers[usize::from(at)] else { return };
        state.workers[usize::from(at)] = Worker::Idle;
        if !current && self.protocol.guarded {
            return;
        }
        let event = self.judged(state, event);
        let read = Record { generation, stage };
        let Some(record) = advance(&self.protocol, self.bounds.generations, read, event) else { return };
        enter(state, record);
        if !current {
            return;
        }
        // What has to wait is let go; the rest goes on in the same hands.
        let waits = matches!(record.stage, Stage::Submitted(_) | Stage::Ended(_))
            || matches!(event, Event::CreatePostponed | Event::BatchNotFound { settled: false });
        state.lease = if waits { Lease::Free } else { state.lease };
        if !waits {
            let Record { generation, stage } = record;
            state.workers[usize::from(at)] =
                Worker::Busy { current, generation, stage, fresh: true, doing: Doing::Effect };
        }
    }

    /// Whether a listing without our batch proves something.
    pub(crate) fn judged(&self, state: &State, event: Event) -> Event {
        let Event::BatchNotFound { settled } = event else { return event };
        let settled = match self.protocol.proof {
            Proof::AtOnce => true,
            Proof::SettledWhenAsked => settled,
            Proof::SettledWhenAnswered => state.settling.over,
        };
        Event::BatchNotFound { settled }
    }

    /// What the end of the batch means that the ledger believes in.
    pub(crate) fn ended(&self, state: &State) -> Option<Event> {
        let Stage::Submitted(batch) = state.record.stage else { return None };
        let batch = state.batches[usize::from(batch)];
        let other = batch.generation != state.record.generation;
        Some(match batch.status {
            Status::Validating { .. } => return None,
            Status::Billed => Event::BatchEnded,
            Status::Failed(_) if other && self.protocol.look_again => Event::OtherGenerationFailed,
            Status::Failed(Failure::Room) => Event::BatchPostponed,
            Status::Failed(Failure::Input) if state.input(state.record.generation) != Stored::Present => {
                Event::FileUnusable
            }
            Status::Failed(Failure::Input) => Event::BatchEnded,
        })
    }
}

/// Whether an input can be used.
pub(crate) fn looked(state: &State, generation: u8) -> Event {
    if state.input(generation) == Stored::Present { Event::FileReady } else { Event::FileUnusable }
}

/// A new row; a stage that waits for the lists to settle begins to wait.
fn enter(state: &mut State, record: Record) {
    if state.record != record {
        let settles = matches!(record.stage, Stage::Uncertain | Stage::Fenced);
        let hidden = (0..).zip(&state.batches).filter(|(_, batch)| settles && !batch.listed);
        state.settling =
            Settling { hidden: hidden.fold(0, |bits, (id, _): (u8, _)| bits | 1 << id), over: false };
    }
    state.record = record;
}
