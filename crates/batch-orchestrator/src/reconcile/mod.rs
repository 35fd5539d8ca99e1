//! Reconcile: the only caller of the stages.
//!
//! A level-triggered loop: claim what is due, let the stage of its state look at the world and do at most one thing,
//! commit what the machine makes of it. One pass, watching, and a simulation are only drivers of the same step.

mod books;
mod context;
mod driver;
mod early;
mod events;
mod held;
mod outage;
mod part;
mod place;
mod pool;
mod resolve;
mod run;
mod step;
mod stuck;
mod window;

pub(crate) use context::Context;
pub use driver::{Backends, Pipeline, Stop};
pub use events::{Event, Observer, RunReport};
pub(crate) use pool::{Member, Pool};
pub use resolve::{ResolveError, resolve};
