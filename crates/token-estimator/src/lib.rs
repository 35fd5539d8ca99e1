#![doc = include_str!("../README.md")]

mod estimator;

#[cfg(feature = "mock")]
pub use estimator::MockTokenEstimator;
pub use estimator::{Provenance, TokenCount, TokenEstimator};
