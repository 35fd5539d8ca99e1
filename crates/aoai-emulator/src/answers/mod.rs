//! What comes back for a line, and how it is written down.

mod echo;
mod sheets;
mod upstream;
mod usage;

pub(crate) use echo::echo;
pub(crate) use sheets::{Sheet, Sheets};
pub(crate) use upstream::{Reply, ask};
pub(crate) use usage::Usage;
