//! Bytes into blocks of whole lines.

use aoai_batch_client::{JsonLines, LineItem};
use bytes::{Buf, Bytes, BytesMut};

use super::{
    encoding::{Sniffed, sniff},
    report::Finding,
};

/// A block is handed on when it has so many bytes: enough that handing it on costs nothing.
pub(super) const BLOCK_BYTES: u64 = 1 << 20;
/// Or so many lines: empty ones must not cost more memory than others.
const BLOCK_LINES: usize = 4096;
/// Bytes that tell the encoding.
const HEAD: usize = 4;

/// Whole lines, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub(super) lines: Vec<LineItem>,
    /// Bytes of the file.
    pub(super) bytes: u64,
}

/// Splits a file; where its encoding makes that pointless, only counts its lines.
#[derive(Debug)]
pub(super) struct Splitter {
    lines: JsonLines,
    head: Option<BytesMut>,
    /// Bytes to leave out of the first line.
    skip: usize,
    readable: bool,
    block: Block,
    block_bytes: u64,
    /// What is wrong with the file as a whole.
    pub(super) finding: Option<Finding>,
    /// Lines so far that were not put into blocks.
    pub(super) passed_over: u64,
}

impl Splitter {
    pub(super) fn new(max_line: u64, block_bytes: u64) -> Self {
        Self {
            lines: JsonLines::new(usize::try_from(max_line).unwrap_or(usize::MAX)),
            head: Some(BytesMut::new()),
            skip: 0,
            readable: true,
            block: Block::default(),
            block_bytes,
            finding: None,
            passed_over: 0,
        }
    }

    /// Takes the next bytes. All full blocks of those before must have been taken.
    pub(super) fn push(&mut self, chunk: Bytes) {
        let chunk = match &mut self.head {
            None => chunk,
            Some(head) => {
                head.extend_from_slice(&chunk);
                if head.len() < HEAD {
                    return;
                }
                self.take_head()
            }
        };
        self.lines.push(chunk);
    }

    /// The next full block.
    pub(super) fn next_full(&mut self) -> Option<Block> {
        while self.block.bytes < self.block_bytes && self.block.lines.len() < BLOCK_LINES {
            let line = self.lines.next_line()?;
            self.add(line);
        }
        Some(self.take_block())
    }

    /// The lines so far that make no full block.
    pub(super) fn take_block(&mut self) -> Block {
        std::mem::take(&mut self.block)
    }

    /// The file is at its end; what is left goes to the block.
    pub(super) fn end(&mut self) {
        if self.head.is_some() {
            let head = self.take_head();
            self.lines.push(head);
            while let Some(line) = self.lines.next_line() {
                self.add(line);
            }
        }
        if let Some(line) = std::mem::replace(&mut self.lines, JsonLines::new(0)).finish() {
            self.add(line);
        }
    }

    fn take_head(&mut self) -> Bytes {
        let head = self.head.take().unwrap_or_default().freeze();
        if let Some(Sniffed { finding, readable, skip }) = sniff(&head) {
            self.finding = Some(finding);
            self.readable = readable;
            self.skip = skip;
        }
        head
    }

    fn add(&mut self, mut item: LineItem) {
        if !self.readable {
            self.passed_over += 1;
            return;
        }
        self.block.bytes += match &mut item {
            LineItem::Line(line) => {
                let skip = std::mem::take(&mut self.skip).min(line.bytes.len());
                line.bytes.advance(skip);
                line.full_length
            }
            // Its bytes are gone.
            LineItem::TooLong { .. } => 0,
        };
        self.block.lines.push(item);
    }
}
