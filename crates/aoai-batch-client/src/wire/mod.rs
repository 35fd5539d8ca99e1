//! What the service answers, read with the leniency that captured traffic demands.

mod lenient;
mod page;
mod parse;
mod redact;
mod status;
mod types;

pub(crate) use page::Listed;
pub use page::Page;
pub(crate) use parse::{parse_error_body, usage};
pub(crate) use redact::without_queries;
pub use status::{BatchStatus, FileStatus};
pub use types::{Batch, BatchError, BatchId, BatchUsage, FileId, FileObject, RequestCounts};
