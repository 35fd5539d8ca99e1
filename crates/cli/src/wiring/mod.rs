//! The composition: the only place that names concrete backends.

mod identity;
mod lake;
mod rest;
mod secret;
mod service;

pub(crate) use lake::{WiredLake, lake, pipeline_options, prepare};
pub(crate) use rest::{Access, estimator, ledger};
pub(crate) use secret::secret;
pub(crate) use service::service;
