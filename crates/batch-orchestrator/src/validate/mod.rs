//! Validate: what the service would refuse is refused here, before anything is uploaded; and the plan falls out of
//! the same pass.

mod body;
mod chat;
mod checked;
mod cores;
mod encoding;
mod json;
mod limits;
mod line;
mod merge;
mod parse;
mod planner;
mod recount;
mod reindex;
mod report;
mod split;
mod stage;
mod threads;
mod validator;

pub use line::{IndexLine, Rules};
pub use merge::IndexBlock;
pub(crate) use merge::id_digest;
pub(crate) use recount::recount;
pub(crate) use reindex::reindex;
pub use report::{Finding, FindingCode, Report, Verdict};
pub use stage::validate_stream;
pub(crate) use stage::{Sending, plan};
pub use threads::{Threads, validate_chunks};
pub use validator::Validator;
