//! The Batch API: what a batch is, when it is what, and what comes out of it.

mod blob;
mod create;
mod handlers;
mod lifecycle;
mod plan;
mod quota;
mod record;
mod results;
mod selection;
mod store;
mod upstream_run;
mod validation;
mod view;

pub(crate) use create::create;
pub(crate) use handlers::{cancel, get, list};
pub(crate) use lifecycle::Status;
pub(crate) use record::{Batch, BatchError};
pub(crate) use results::settle;
pub(crate) use store::BatchStore;
