//! Splitting bytes into lines, chunk by chunk.

use bytes::{Buf, Bytes, BytesMut};

/// An incremental splitter: push chunks, take lines.
///
/// # Guarantees
/// * Every byte is looked at once. A line that lies in one chunk is a slice of it, not a copy.
/// * Memory is bounded by the longest line allowed plus one chunk: a longer line is passed over and reported.
/// * The lines do not depend on where the chunks are cut.
#[derive(Debug)]
pub struct JsonLines {
    max_line: usize,
    chunk: Bytes,
    /// The beginning of a line that started in an earlier chunk.
    partial: BytesMut,
    /// Bytes of the present line that were passed over because it is too long.
    dropped: u64,
    /// Where the present line starts.
    offset: u64,
    /// Its number.
    number: u64,
}

/// A line, without its line end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// From 1.
    pub number: u64,
    /// The first byte, from the start of the file.
    pub offset: u64,
    /// The bytes, without `\n` or `\r\n`.
    pub bytes: Bytes,
    /// Bytes in the file, line end included.
    pub full_length: u64,
}

/// What the splitter finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineItem {
    /// A line.
    Line(Line),
    /// A line longer than allowed; its bytes are gone.
    TooLong {
        /// From 1.
        number: u64,
        /// The first byte, from the start of the file.
        offset: u64,
        /// Bytes, without `\n`.
        length: u64,
    },
}

impl JsonLines {
    /// A splitter for lines of up to `max_line` bytes.
    #[must_use]
    pub fn new(max_line: usize) -> Self {
        Self { max_line, chunk: Bytes::new(), partial: BytesMut::new(), dropped: 0, offset: 0, number: 1 }
    }

    /// Takes the next bytes. All lines of the chunk before must have been taken.
    pub fn push(&mut self, chunk: Bytes) {
        if self.chunk.is_empty() {
            self.chunk = chunk;
        } else {
            let mut joined = BytesMut::from(&self.chunk[..]);
            joined.extend_from_slice(&chunk);
            self.chunk = joined.freeze();
        }
    }

    /// The next complete line, if there is one.
    pub fn next_line(&mut self) -> Option<LineItem> {
        match memchr::memchr(b'\n', &self.chunk) {
            Some(end) => {
                let piece = self.chunk.split_to(end);
                self.chunk.advance(1);
                Some(self.line(piece, 1))
            }
            None => {
                let piece = std::mem::take(&mut self.chunk);
                self.keep(&piece);
                None
            }
        }
    }

    /// The last line, if the bytes did not end with a line end.
    #[must_use]
    pub fn finish(mut self) -> Option<LineItem> {
        let piece = std::mem::take(&mut self.chunk);
        let empty = piece.is_empty() && self.partial.is_empty() && self.dropped == 0;
        (!empty).then(|| self.line(piece, 0))
    }

    fn keep(&mut self, piece: &[u8]) {
        if self.dropped == 0 && self.partial.len() + piece.len() <= self.max_line.saturating_add(1) {
            self.partial.extend_from_slice(piece);
        } else {
            self.dropped += (self.partial.len() + piece.len()) as u64;
            self.partial = BytesMut::new();
        }
    }

    fn line(&mut self, piece: Bytes, line_end: u64) -> LineItem {
        let bytes = if self.partial.is_empty() && self.dropped == 0 {
            piece
        } else {
            self.keep(&piece);
            self.partial.split().freeze()
        };
        let length = self.dropped + bytes.len() as u64;
        let (number, offset) = (self.number, self.offset);
        self.number += 1;
        self.offset += length + line_end;
        let text = bytes.strip_suffix(b"\r").unwrap_or(&bytes).len();
        if std::mem::take(&mut self.dropped) > 0 || text > self.max_line {
            return LineItem::TooLong { number, offset, length };
        }
        LineItem::Line(Line { number, offset, bytes: bytes.slice(..text), full_length: length + line_end })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(chunks: &[&[u8]], max: usize) -> Vec<LineItem> {
        let mut lines = JsonLines::new(max);
        let mut found = Vec::new();
        for chunk in chunks {
            lines.push(Bytes::copy_from_slice(chunk));
            found.extend(std::iter::from_fn(|| lines.next_line()));
        }
        found.extend(lines.finish());
        found
    }

    /// The obvious way, over the whole text.
    fn naive(text: &[u8], max: usize) -> Vec<LineItem> {
        let (mut found, mut offset) = (Vec::new(), 0);
        for (number, full) in (1..).zip(text.split_inclusive(|byte| *byte == b'\n')) {
            let raw = full.strip_suffix(b"\n").unwrap_or(full);
            let line = raw.strip_suffix(b"\r").unwrap_or(raw);
            found.push(if line.len() > max {
                LineItem::TooLong { number, offset, length: raw.len() as u64 }
            } else {
                let bytes = Bytes::copy_from_slice(line);
                LineItem::Line(Line { number, offset, bytes, full_length: full.len() as u64 })
            });
            offset += full.len() as u64;
        }
        found
    }

    #[test]
    fn numbers_offsets_and_line_ends() {
        let found = split(&[b"a\r\nbb\n\nc"], 9);
        let shape: Vec<_> = found
            .iter()
            .map(|item| match item {
                LineItem::Line(line) => (line.number, line.offset, &line.bytes[..], line.full_length),
                LineItem::TooLong { .. } => panic!("none is long"),
            })
            .collect();
        assert_eq!(shape, [(1, 0, &b"a"[..], 3), (2, 3, b"bb", 3), (3, 6, b"", 1), (4, 7, b"c", 1)]);
        assert!(split(&[b""], 9).is_empty());
        assert_eq!(split(&[b"\n"], 9).len(), 1);
    }

    #[test]
    fn a_line_that_is_too_long_costs_no_memory_and_hides_nothing() {
        let mut lines = JsonLines::new(10);
        for _ in 0..1000 {
            lines.push(Bytes::from_static(&[b'x'; 1000]));
            assert_eq!(lines.next_line(), None);
            assert!(lines.partial.capacity() < 2000);
        }
        lines.push(Bytes::from_static(b"\nok\n"));
        assert_eq!(lines.next_line(), Some(LineItem::TooLong { number: 1, offset: 0, length: 1_000_000 }));
        let Some(LineItem::Line(line)) = lines.next_line() else { panic!("the next line is there") };
        assert_eq!((line.number, line.offset, &line.bytes[..]), (2, 1_000_001, &b"ok"[..]));
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_chunks(
            text in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'a')], 0..60),
            cuts in proptest::collection::vec(1..7_usize, 1..60),
            max in 0..6_usize,
        ) {
            let (mut chunks, mut rest) = (Vec::new(), &text[..]);
            for cut in cuts.iter().cycle().take_while(|_| true) {
                if rest.is_empty() { break; }
                let (chunk, tail) = rest.split_at((*cut).min(rest.len()));
                chunks.push(chunk);
                rest = tail;
            }
            prop_assert_eq!(split(&chunks, max), naive(&text, max));
        }
    }
}
