//! What can be known of a body without counting its tokens.

mod sizes;

pub use sizes::BodySizes;
