//! The shapes of request bodies.
//!
//! A body is taken apart one level at a time, each level as raw JSON, so that nothing recurses over what users send
//! and one odd part does not spoil the count of the others.

mod body;
mod content;
mod input;
mod message;

pub(crate) use body::count;
