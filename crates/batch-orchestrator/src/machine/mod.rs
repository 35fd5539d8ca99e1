//! The state machine: the only code that changes a state, and it does nothing else.
//!
//! A stage looks at a record, performs at most one external effect and says what happened (an event); `advance`
//! turns state and event into the next state. Both machines fit one screen each, know no clock and no I/O.

mod again;
mod backoff;
mod illegal;
mod job;
mod part;
mod resolve;
mod verdict;

pub use again::{AttemptOptions, next_attempt};
pub use backoff::{RetryOptions, backoff};
pub use illegal::IllegalEvent;
pub use job::{Early, JobEvent, JobStep, advance_job};
pub use part::{PartEvent, PartStep, Timing, advance_part};
pub use resolve::{Resolution, Unresolvable, resolve_job, resolve_part};
pub(crate) use verdict::NOT_EXECUTED;
pub use verdict::{Verdict, Verdicts};
