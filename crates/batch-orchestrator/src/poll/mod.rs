//! Poll: one list call a cycle serves every batch that runs.

mod poller;
mod stage;

pub(crate) use poller::poll;
pub(crate) use stage::check;
