//! Submit: the one call that costs money. Intent first, one `POST`, and never a second one on the same input.

mod adopt;
mod create;
mod tags;

pub(crate) use adopt::{fence, is_free, keep_furthest, reads_present_input, settle};
pub(crate) use create::{TOKENS, create, misconfigured};
pub(crate) use tags::{ledger_of, tagged};
