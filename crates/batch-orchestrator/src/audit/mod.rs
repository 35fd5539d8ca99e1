//! Audit: whether what is published is complete. Each `custom_id` of the input is exactly once in output or errors, and every
//! file is, byte for byte, what the manifest says.
//!
//! The same check (`Conservation`) stands before every input that is archived; here it is made again, from nothing but what
//! the lake holds.

mod conservation;
mod directory;
mod document;
mod files;
mod report;
mod tree;

pub(crate) use conservation::{Conservation, Results};
pub use directory::audit_directory;
pub(crate) use files::{Expecting, check_file};
pub use report::{Audit, AuditFinding, AuditKind};
pub use tree::published_directories;
