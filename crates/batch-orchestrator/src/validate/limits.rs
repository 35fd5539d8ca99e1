//! The limits that one line alone can break.

use super::{
    line::{Checker, Wrong},
    report::FindingCode,
};
use crate::model::TokenTotals;

impl Checker<'_> {
    /// Whether a line is beyond those that a batch may have; the first of them says so.
    pub(super) fn beyond_limit(&self, number: u64) -> Option<Option<Wrong>> {
        let limits = &self.rules.limits;
        if limits.split || number <= limits.max_lines {
            return None;
        }
        Some((number == limits.max_lines + 1).then(|| Wrong {
            code: FindingCode::TooManyTasks,
            message: format!(
                "the file has more than {} lines, the most that a batch may have",
                limits.max_lines
            ),
            hint: "split the file, or let limits.split = true send it in several parts",
        }))
    }

    /// Says of a line that it was too long to be read.
    pub(super) fn too_long(&self, length: u64) -> Wrong {
        Wrong {
            code: FindingCode::LineTooLong,
            message: format!(
                "the line has {length} bytes, expected at most {} (limits.max_line_bytes)",
                self.rules.limits.max_line_bytes
            ),
            hint: "shorten the request (refer to images by URL, for instance) or raise limits.max_line_bytes",
        }
    }

    /// Says of a line that the service could never admit it.
    pub(super) fn exceeds_quota(&self, tokens: TokenTotals) -> Option<Wrong> {
        let most = self.rules.limits.max_line_tokens.filter(|most| tokens.reserved() > *most)?;
        Some(Wrong {
            code: FindingCode::LineExceedsQuota,
            message: format!(
                "the line counts as about {} tokens, expected at most {most}: the deployment's whole quota \
                 (enqueued_tokens)",
                tokens.reserved()
            ),
            hint: "raise the deployment's enqueued-token limit, or shorten the request",
        })
    }
}
