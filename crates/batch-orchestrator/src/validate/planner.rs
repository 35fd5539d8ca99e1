//! Cutting a file into parts, on line ends.

use crate::model::{PartPlan, TokenTotals};
use crate::options::LimitOptions;

/// One line, as far as planning is concerned.
pub(super) struct PlannedLine {
    pub(super) number: u64,
    pub(super) offset: u64,
    /// Bytes in the input, line end included.
    pub(super) bytes: u64,
    /// Bytes on the way to the service.
    pub(super) upload_bytes: u64,
    pub(super) tokens: TokenTotals,
}

/// Collects lines into parts within the limits.
#[derive(Debug, Default)]
pub(super) struct Planner {
    parts: Vec<PartPlan>,
}

impl Planner {
    /// Adds a line; answers with the number of its part.
    pub(super) fn add(&mut self, line: &PlannedLine, limits: &LimitOptions) -> u32 {
        let full = self.parts.last().is_none_or(|part| {
            let too_many_tokens = limits
                .max_part_tokens
                .filter(|_| limits.split)
                .is_some_and(|most| part.tokens.reserved().saturating_add(line.tokens.reserved()) > most);
            part.lines >= limits.max_lines
                || part.upload_bytes + line.upload_bytes > limits.max_file_bytes
                || too_many_tokens
        });
        if full {
            self.parts.push(PartPlan {
                number: u32::try_from(self.parts.len()).unwrap_or(u32::MAX).saturating_add(1),
                first_line: line.number,
                lines: 0,
                offset: line.offset,
                bytes: 0,
                upload_bytes: 0,
                tokens: TokenTotals::ZERO,
                named: None,
                again: None,
            });
        }
        let Some(part) = self.parts.last_mut() else { return 0 };
        part.lines += 1;
        part.bytes += line.bytes;
        part.upload_bytes += line.upload_bytes;
        part.tokens.add(line.tokens);
        part.number
    }

    /// The parts, whose lines are sent with this name as their model, if it is rewritten.
    pub(super) fn finish(mut self, named: Option<&str>) -> Vec<PartPlan> {
        for part in &mut self.parts {
            part.named = named.map(str::to_owned);
        }
        self.parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stay_within_lines_and_bytes_and_leave_nothing_out() {
        let limits =
            LimitOptions { max_lines: 3, max_file_bytes: 100, split: true, ..LimitOptions::default() };
        let mut planner = Planner::default();
        let sizes = [40, 40, 40, 10, 10, 10, 10, 90, 20];
        let mut offset = 0;
        for (number, bytes) in (1..).zip(sizes) {
            let line = PlannedLine { number, offset, bytes, upload_bytes: bytes, tokens: TokenTotals::ZERO };
            planner.add(&line, &limits);
            offset += bytes;
        }
        let parts = planner.finish(None);
        let shape: Vec<_> =
            parts.iter().map(|p| (p.number, p.first_line, p.lines, p.offset, p.bytes)).collect();
        assert_eq!(
            shape,
            [(1, 1, 2, 0, 80), (2, 3, 3, 80, 60), (3, 6, 2, 140, 20), (4, 8, 1, 160, 90), (5, 9, 1, 250, 20)]
        );
    }

    #[test]
    fn a_part_is_closed_before_it_takes_more_tokens_than_it_may() {
        let parts = |split, max_part_tokens| {
            let limits = LimitOptions { split, max_part_tokens, ..LimitOptions::default() };
            let mut planner = Planner::default();
            for (number, quota) in (1..).zip([4, 4, 2, 11, 1, 9, 1]) {
                let tokens = TokenTotals { quota, ..TokenTotals::ZERO };
                let line = PlannedLine { number, offset: number * 10, bytes: 10, upload_bytes: 10, tokens };
                planner.add(&line, &limits);
            }
            planner.finish(None).iter().map(|part| (part.first_line, part.tokens.quota)).collect::<Vec<_>>()
        };
        assert_eq!(
            parts(true, Some(10)),
            [(1, 10), (4, 11), (5, 10), (7, 1)],
            "a line that is too large stands alone"
        );
        assert_eq!(parts(true, None), [(1, 32)]);
        assert_eq!(parts(false, Some(10)), [(1, 32)], "what may not be split is not");
        assert_eq!(parts(true, Some(u64::MAX)), [(1, 32)]);
    }
}
