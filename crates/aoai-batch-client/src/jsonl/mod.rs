//! The JSONL formats: splitting lines, request lines, output lines.

mod brief;
mod lines;
mod output;
mod request;

pub use brief::OutputBrief;
pub use lines::{JsonLines, Line, LineItem};
pub use output::{OutputError, OutputLine, OutputResponse};
pub use request::{EndpointFamily, RequestLine, endpoint_family};
