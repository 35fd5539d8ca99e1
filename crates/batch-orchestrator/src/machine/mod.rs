//! The state machine: the only code that changes a state, and it does nothing else.
//!
//! A stage looks at a record, performs at most one external effect and says what happened (an event); `advance`
//! turns state and event into the next state. Both machines fit one screen each, know no clock and no I/O.

mod backoff;
mod job;
mod part;

pub use backoff::{RetryOptions, backoff};
pub use job::{JobEvent, JobStep, advance_job};
pub use part::{PartEvent, PartStep, Timing, advance_part};

/// An event that makes no sense in a state: a bug, never the world's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {event} is illegal in state {state}")]
pub struct IllegalEvent {
    /// The state's name.
    pub state: &'static str,
    /// The event.
    pub event: String,
}
