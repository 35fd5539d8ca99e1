//! What a person asks for beside the pipeline's own work.

mod cancel;
mod garbage;
mod put_back;

pub use cancel::{are_at_rest, bundle_of, cancel, unfinished};
pub use garbage::{Fate, Garbage, Thing};
pub(crate) use garbage::{garbage, remove};
pub use put_back::{PutBackError, Resend, put_back};
