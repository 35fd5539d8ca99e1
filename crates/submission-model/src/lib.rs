#![doc = include_str!("../README.md")]

mod action;
mod advance;
mod check;
mod model;
mod protocol;
mod service;
mod state;
mod variant;

pub use action::{Action, Outcome};
pub use advance::{Event, advance};
pub use check::{Found, check, counterexample, transitions};
pub use model::{ADOPTED, HARVESTED, KEPT, LATE_AND_REFUSED, ONE, Submission};
pub use protocol::{Adopt, Bounds, DeletedInput, Input, Proof, Protocol, Service};
pub use state::{Batch, Doing, Failure, Lease, Post, Record, Settling, Stage, State, Status, Stored, Worker};
pub use variant::{VARIANTS, Variant};
