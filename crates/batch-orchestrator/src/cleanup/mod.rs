//! Clean up: the service's files last of all, then our own traces. Every step may be repeated.

mod stage;

pub(crate) use stage::{abandon, clean_up, forget};
