//! What a person asks for beside the pipeline's own work.

mod cancel;

pub use cancel::{are_at_rest, cancel, unfinished};
