//! Poll: one list call a cycle serves every batch that runs.

mod duplicates;
mod poller;
mod stage;
mod watch;

pub(crate) use poller::{give_turn_back, poll};
pub(crate) use stage::check;
pub(crate) use watch::{Discovered, look_again, unwanted};
