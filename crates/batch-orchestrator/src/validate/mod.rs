//! Validate: what the service would refuse is refused here, before anything is uploaded; and the plan falls out of
//! the same pass.

mod encoding;
mod line;
mod planner;
mod reindex;
mod report;
mod stage;
mod validator;
mod work;

pub use line::{IndexLine, Rules};
pub(crate) use reindex::reindex;
pub use report::{Finding, FindingCode, Report, Verdict};
pub(crate) use stage::plan;
pub use stage::validate_stream;
pub(crate) use validator::id_digest;
pub use validator::{InputLine, Validator};
