//! The composition: the only place that names concrete backends.

mod estimator;
mod identity;
mod lake;
mod ledger;
mod pipeline;
mod secret;
mod service;

pub(crate) use estimator::estimator;
pub(crate) use lake::{WiredLake, lake, pipeline_options, prepare};
pub(crate) use ledger::{Access, ledger, ledger_unless_in_use};
pub(crate) use pipeline::{WiredPipeline, pipeline};
pub(crate) use secret::secret;
pub(crate) use service::{others, remote, service};
