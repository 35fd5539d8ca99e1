//! Recover: what an earlier ledger, or a later state of this one, has left in the lake and at the service.
//!
//! A ledger can be lost (a container's disk) or be older than the world (a restored backup). The claim markers say which
//! inputs were taken, the plan file of a job how it was cut and where its results go, the names of service files and the
//! batches what was sent. Whoever finds such traces looks them up before anything is created.

mod decision;
mod part;
mod published;
mod start;
mod survey;

pub(crate) use decision::{Decision, Verdict, read_decision, write_decision};
pub(crate) use part::{already_submitted, ended_before, recover};
pub(crate) use published::{ALREADY_PUBLISHED, is_published, published, published_since};
pub(crate) use start::at_start;
pub(crate) use survey::{Survey, batches_of};
