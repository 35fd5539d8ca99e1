//! What images cost.

mod base64;
mod header;
mod rules;

pub use header::ImageSize;
pub(crate) use header::size_of_data_url;
pub(crate) use rules::tokens;
