#![doc = include_str!("../README.md")]

mod bpe;
mod encoding;
mod estimator;
mod images;
mod options;
mod sample;
mod shapes;
mod tally;
mod text;
mod tiktoken;
mod tools;

pub use encoding::{Encoding, encoding_for};
#[cfg(feature = "mock")]
pub use estimator::MockTokenEstimator;
pub use estimator::{Provenance, TokenCount, TokenEstimator};
pub use images::ImageSize;
pub use options::EstimatorOptions;
pub use sample::BodySizes;
pub use tiktoken::TiktokenEstimator;
