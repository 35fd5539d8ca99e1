//! Texts into pieces, as the regular expressions of the encodings split them, by hand: one pass, no backtracking but by a
//! character.

use std::ops::Range;

use super::classes::{Classes, LETTER, LOWER, NEWLINE, NUMBER, SPACE, UPPER};
use crate::Encoding;

/// The pieces of a text, in order.
pub(super) struct Pieces<'a> {
    scan: Scan<'a>,
    at: usize,
}

/// Which expression.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rules {
    /// `'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s`
    Cl100k,
    /// `[^\r\n\p{L}\p{N}]?` before words of `UPPER`* `LOWER`+ or `UPPER`+ `LOWER`*, contractions after them; then
    /// `\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`
    O200k,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(text: &'a str, encoding: Encoding) -> Self {
        let rules = match encoding {
            Encoding::Cl100kBase => Rules::Cl100k,
            Encoding::O200kBase => Rules::O200k,
        };
        Self { scan: Scan { text, classes: Classes::get(), rules }, at: 0 }
    }
}

impl Iterator for Pieces<'_> {
    type Item = Range<usize>;

    #[inline]
    fn next(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        if start >= self.scan.text.len() {
            return None;
        }
        self.at = self.scan.piece(start);
        Some(start..self.at)
    }
}

#[derive(Clone, Copy)]
struct Scan<'a> {
    text: &'a str,
    classes: &'static Classes,
    rules: Rules,
}

impl Scan<'_> {
    /// Where the piece ends that starts here.
    fn piece(self, start: usize) -> usize {
        if let Some(end) = self.ascii_word(start) {
            return end;
        }
        let (kind, length) = self.classes.at(self.text, start);
        // No word begins with a number.
        if kind & NUMBER != 0 {
            return self.numbers(start);
        }
        let word = match self.rules {
            Rules::Cl100k => self.cl100k_word(start, kind, length),
            Rules::O200k => self.o200k_word(start, kind, length),
        };
        if let Some(end) = word {
            return end;
        }
        // ` ?[^\s\p{L}\p{N}]+`, and the line ends after it.
        let first = if self.byte(start) == Some(b' ') { start + 1 } else { start };
        let end = self.run(first, |kind, length| length > 0 && kind & (SPACE | LETTER | NUMBER) == 0);
        if end > first {
            return self.line_ends(end);
        }
        self.spaces(start)
    }

    /// The end of a word of ASCII letters with small ones at its end, or of any for the older rules, where what follows is not
    /// part of it for sure: most words are so, and found sooner this way.
    #[inline]
    fn ascii_word(self, start: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let first = bytes[start];
        let is_prefix = first < 128 && !first.is_ascii_alphanumeric() && !matches!(first, b'\r' | b'\n');
        let at = start + usize::from(is_prefix);
        let run = |at: usize, belongs: fn(&u8) -> bool| {
            let rest = bytes.get(at..).unwrap_or_default();
            at + rest.iter().position(|byte| !belongs(byte)).unwrap_or(rest.len())
        };
        let (least, end) = match self.rules {
            Rules::O200k => {
                let capitals = run(at, u8::is_ascii_uppercase);
                (capitals, run(capitals, u8::is_ascii_lowercase))
            }
            // What begins with an apostrophe may be a contraction.
            Rules::Cl100k if first == b'\'' => return None,
            Rules::Cl100k => (at, run(at, u8::is_ascii_alphabetic)),
        };
        let follows = bytes.get(end).copied().unwrap_or(b' ');
        (end > least && follows < 128 && follows != b'\'').then_some(end)
    }

    fn byte(self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// Where a run of characters ends.
    #[inline]
    fn run(self, mut at: usize, belongs: impl Fn(u8, usize) -> bool) -> usize {
        loop {
            let (kind, length) = self.classes.at(self.text, at);
            if !belongs(kind, length) {
                return at;
            }
            at += length;
        }
    }

    fn cl100k_word(self, start: usize, kind: u8, length: usize) -> Option<usize> {
        let contracted = self.contraction(start);
        if contracted > start {
            return Some(contracted);
        }
        let letters = |at| self.run(at, |kind, _| kind & LETTER != 0);
        if kind & LETTER != 0 {
            return Some(letters(start + length));
        }
        if kind & (NUMBER | NEWLINE) != 0 {
            return None;
        }
        let first = start + length;
        Some(letters(first)).filter(|end| *end > first)
    }

    fn o200k_word(self, start: usize, kind: u8, length: usize) -> Option<usize> {
        let prefix = kind & (LETTER | NUMBER | NEWLINE) == 0;
        let next = if prefix { self.classes.at(self.text, start + length) } else { (0, 0) };
        if (kind | next.0) & (UPPER | LOWER) == 0 {
            return None;
        }
        let end = match (prefix, kind & (UPPER | LOWER)) {
            (true, 0) => self.word(start + length, next),
            (false, _) => self.word(start, (kind, length)),
            // A mark may be the prefix of a word, or its beginning.
            (true, _) => self.marked_word(start, start + length),
        };
        Some(self.contraction(end?))
    }

    /// The first alternative with and without a prefix, then the second.
    fn marked_word(self, start: usize, first: usize) -> Option<usize> {
        let with_prefix = || Some(first).filter(|first| *first < self.text.len());
        with_prefix()
            .and_then(|first| self.to_lower(first))
            .or_else(|| self.to_lower(start))
            .or_else(|| with_prefix().and_then(|first| self.upper(first)))
            .or_else(|| self.upper(start))
    }

    /// What `to_lower` finds, or else `upper`, in one pass: from a character of which this is the kind and the length.
    #[inline]
    fn word(self, start: usize, (mut kind, mut length): (u8, usize)) -> Option<usize> {
        let (mut at, mut both) = (start, None);
        while kind & UPPER != 0 {
            at += length;
            if kind & LOWER != 0 {
                both = Some(at);
            }
            (kind, length) = self.classes.at(self.text, at);
        }
        if kind & LOWER == 0 {
            return both.or(Some(at)).filter(|end| *end > start);
        }
        Some(self.run(at + length, |kind, _| kind & LOWER != 0))
    }

    /// `UPPER`* `LOWER`+. Where nothing lower follows, the last character that is both has to do.
    fn to_lower(self, start: usize) -> Option<usize> {
        let (mut at, mut both) = (start, None);
        loop {
            let (kind, length) = self.classes.at(self.text, at);
            if kind & UPPER == 0 {
                break;
            }
            at += length;
            if kind & LOWER != 0 {
                both = Some(at);
            }
        }
        let end = self.run(at, |kind, _| kind & LOWER != 0);
        if end > at { Some(end) } else { both }
    }

    /// `UPPER`+; what is lower after it has been tried before.
    fn upper(self, start: usize) -> Option<usize> {
        let end = self.run(start, |kind, _| kind & UPPER != 0);
        (end > start).then_some(end)
    }

    /// The end of `'s`, `'ll` and so on, or where we are.
    fn contraction(self, at: usize) -> usize {
        if self.byte(at) != Some(b'\'') {
            return at;
        }
        let lower = |n: usize| self.byte(at + n).map(|byte| byte.to_ascii_lowercase());
        match (lower(1), lower(2)) {
            (Some(b's' | b'd' | b'm' | b't'), _) => at + 2,
            (Some(b'l'), Some(b'l')) | (Some(b'v' | b'r'), Some(b'e')) => at + 3,
            // The long s is an s where case does not matter.
            (Some(0xc5), Some(0xbf)) => at + 3,
            _ => at,
        }
    }

    /// At most three.
    fn numbers(self, start: usize) -> usize {
        let mut at = start;
        for _ in 0..3 {
            let (kind, length) = self.classes.at(self.text, at);
            if kind & NUMBER == 0 {
                break;
            }
            at += length;
        }
        at
    }

    fn line_ends(self, start: usize) -> usize {
        let slash = self.rules == Rules::O200k;
        let mut at = start;
        while let Some(b'\r' | b'\n' | b'/') = self.byte(at)
            && (slash || self.byte(at) != Some(b'/'))
        {
            at += 1;
        }
        at
    }

    /// White space: up to the last line end in it, or all but the last character, or that.
    fn spaces(self, start: usize) -> usize {
        let (mut at, mut line, mut last) = (start, None, start);
        loop {
            let (kind, length) = self.classes.at(self.text, at);
            if kind & SPACE == 0 {
                break;
            }
            last = at;
            at += length;
            if kind & NEWLINE != 0 {
                line = Some(at);
            }
        }
        let whole = at == self.text.len();
        match line {
            _ if whole && self.rules == Rules::Cl100k => at,
            Some(line) => line,
            None if whole || last == start => at,
            None => last,
        }
    }
}
