//! The steps of the system, and how they read in a counterexample.

use std::fmt::{self, Display};

use crate::{Doing, Stage, State, Worker};

/// One step; a number names a worker, a `POST` or a batch by its place in the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// A worker takes the lease, which raises the fence.
    Claim(u8),
    /// A worker dies, and its lease with it; a new process starts in its place.
    Crash(u8),
    /// A worker stands still for so long that its lease expires.
    Pause(u8),
    /// A zombie finds out that it is one.
    GiveUp(u8),
    /// A worker stores the input.
    Upload(u8),
    /// A worker finds the input ready or lost, and writes that down.
    WriteIntent(u8),
    /// A worker finds an intent that is not its own, and writes down that it is uncertain.
    Interrupt(u8),
    /// A worker sends the `POST`.
    Send(u8),
    /// A worker waits for the answer no longer.
    TimeOut(u8),
    /// A worker lists, and sees at best this batch.
    List(u8, Option<u8>),
    /// A worker deletes the input.
    Delete(u8),
    /// A worker writes down what it learned; the ledger may refuse it.
    Commit(u8),
    /// Somebody sees how the batch ended that the ledger believes in, and writes it down.
    Poll,
    /// A `POST` arrives.
    Deliver(u8, Outcome),
    /// A batch shows in lists from now on.
    LagEnds(u8),
    /// The settle time is over.
    SettleEnds,
    /// The service begins to work on a batch: it will be paid for.
    Begins(u8),
    /// The service cannot work on a batch, for its input is gone.
    FindsNoInput(u8),
    /// The service has no room for a batch that it had accepted.
    FindsNoRoom(u8),
}

/// What the service makes of a `POST`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// A batch.
    Batch,
    /// A batch that can only fail, for the input is gone.
    DoomedBatch,
    /// Refused, for the input is gone.
    NoInput,
    /// Refused, for there is no room now.
    NoRoom,
    /// Refused for good.
    Refused,
}

impl Action {
    /// The step in words, taken in `state`.
    #[must_use]
    pub fn describe(&self, state: &State) -> String {
        let who = |worker: u8| Name(state, worker);
        let generation = |worker: u8| match state.workers[usize::from(worker)] {
            Worker::Busy { generation, .. } => generation,
            Worker::Idle => 0,
        };
        let stage = state.record.stage;
        match *self {
            Self::Claim(w) => format!("{} claims the attempt in {stage}", who(w)),
            Self::Crash(w) => format!("{} crashes", who(w)),
            Self::Pause(w) => format!("{} is paused, its lease expires", who(w)),
            Self::GiveUp(w) => format!("{} gives up", who(w)),
            Self::Upload(w) => format!("{} stores input {}", who(w), generation(w)),
            Self::WriteIntent(w) => format!("{} looks at input {} and writes it down", who(w), generation(w)),
            Self::Interrupt(w) => format!("{} finds an intent that is not its own", who(w)),
            Self::Send(w) => format!("{} sends POST /batches for input {}", who(w), generation(w)),
            Self::TimeOut(w) => format!("{} gets no answer in time", who(w)),
            Self::List(w, Some(batch)) => format!("{} lists, and sees batch {batch}", who(w)),
            Self::List(w, None) => {
                let settled = if state.settling.over { "settled" } else { "not settled" };
                format!("{} lists, and sees no batch of ours ({settled})", who(w))
            }
            Self::Delete(w) => format!("{} deletes input {}", who(w), generation(w)),
            Self::Commit(w) => match state.workers[usize::from(w)] {
                Worker::Busy { doing: Doing::Answer(event), .. } => format!("{} commits {event:?}", who(w)),
                _ => format!("{} commits", who(w)),
            },
            Self::Poll => format!("the poll sees the end of what the ledger has as {stage}"),
            Self::Deliver(post, outcome) => {
                let post = &state.posts[usize::from(post)];
                let late = if post.awaited { "" } else { " (late: nobody waits)" };
                let outcome = match outcome {
                    Outcome::Batch => format!("becomes batch {}", state.batches.len()),
                    Outcome::DoomedBatch => {
                        format!("becomes batch {}, which can only fail", state.batches.len())
                    }
                    Outcome::NoInput => "is refused, its input is gone".to_owned(),
                    Outcome::NoRoom => "is refused, there is no room".to_owned(),
                    Outcome::Refused => "is refused for good".to_owned(),
                };
                format!("the POST for input {} arrives{late} and {outcome}", post.generation)
            }
            Self::LagEnds(batch) => format!("batch {batch} shows in lists from now on"),
            Self::SettleEnds => "the settle time is over".to_owned(),
            Self::Begins(batch) => format!("batch {batch} BEGINS, and will be paid for"),
            Self::FindsNoInput(batch) => format!("batch {batch} fails, its input is gone"),
            Self::FindsNoRoom(batch) => format!("batch {batch} fails, there is no room"),
        }
    }
}

/// A worker by letter, with what a reader must know of it.
struct Name<'a>(&'a State, u8);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zombie = match self.0.workers[usize::from(self.1)] {
            Worker::Busy { current: false, .. } => " (zombie)",
            _ => "",
        };
        write!(f, "worker {}{zombie}", char::from(b'A' + self.1))
    }
}

impl Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Submitted(batch) => write!(f, "SUBMITTED(batch {batch})"),
            Self::Ended(Some(batch)) => write!(f, "ENDED(batch {batch})"),
            Self::Ended(None) => f.write_str("ENDED(none)"),
            other => write!(f, "{}", format!("{other:?}").to_uppercase()),
        }
    }
}
