//! What is done with the bytes of an input: split, check, count, hash. It neither waits nor knows where it runs.

use aoai_batch_client::{JsonLines, LineItem};
use bytes::Bytes;
use token_estimator::TokenEstimator;

use super::{Rules, Validator, Verdict, validator::InputLine};

/// Index lines are handed over in blocks of this size.
const INDEX_BLOCK: usize = 256 << 10;

/// A block of index lines of one part.
pub(super) type IndexBlock = (u32, Bytes);

/// The work on one input.
pub(super) struct Work<'a> {
    validator: Validator<'a>,
    lines: JsonLines,
    part: u32,
    bytes: Vec<u8>,
    ready: Vec<IndexBlock>,
}

impl<'a> Work<'a> {
    pub(super) fn new(rules: &'a Rules, estimator: Option<&'a dyn TokenEstimator>) -> Self {
        let longest = usize::try_from(rules.limits.max_line_bytes).unwrap_or(usize::MAX);
        Self {
            validator: Validator::new(rules, estimator),
            lines: JsonLines::new(longest),
            part: 0,
            bytes: Vec::new(),
            ready: Vec::new(),
        }
    }

    /// Takes the next bytes; answers with the index blocks that are full.
    pub(super) fn push(&mut self, chunk: Bytes) -> Vec<IndexBlock> {
        self.validator.hash(&chunk);
        self.lines.push(chunk);
        while let Some(item) = self.lines.next_line() {
            self.take(&item);
        }
        std::mem::take(&mut self.ready)
    }

    /// Ends the input.
    pub(super) fn finish(mut self) -> (Verdict, Vec<IndexBlock>) {
        if let Some(item) = std::mem::replace(&mut self.lines, JsonLines::new(0)).finish() {
            self.take(&item);
        }
        self.flush();
        (self.validator.finish(), self.ready)
    }

    fn take(&mut self, item: &LineItem) {
        let line = match item {
            LineItem::Line(line) => line,
            LineItem::TooLong { number, offset, length } => {
                return self.validator.too_long(*number, *offset, *length);
            }
        };
        let input = InputLine {
            number: line.number,
            offset: line.offset,
            bytes: &line.bytes,
            full_length: line.full_length,
        };
        if let Some((part, entry)) = self.validator.line(input) {
            if part != self.part || self.bytes.len() >= INDEX_BLOCK {
                self.flush();
                self.part = part;
            }
            // Writing to a vector cannot fail, and strings and numbers always serialise.
            let _ = serde_json::to_writer(&mut self.bytes, &entry);
            self.bytes.push(b'\n');
        }
    }

    fn flush(&mut self) {
        if !self.bytes.is_empty() {
            self.ready.push((self.part, std::mem::take(&mut self.bytes).into()));
        }
    }
}
