//! Characters as tokens: almost every token is of whole characters, so most pieces can be cut where no token has the two
//! characters side by side, and be merged from characters instead of bytes.
//!
//! Why that is exact. A merge makes a token, so no merge crosses a border that no token has within it. A token that crosses a
//! border and has only a part of the character beside it is a *threat* to that character there. What a token is made of is
//! earlier than it is. So, where a character is a token that is earlier than all threats to it, its bytes are merged into it
//! before anything else touches them, and whatever it is then a part of comes later: it may be merged first.

use std::collections::HashMap;

use super::{
    classes::{decode, length},
    filter::Filter,
    merge::Scratch,
    tokens::{Entry, NONE, Token},
    vocabulary::Merges,
};

/// Characters beyond these three planes are rare: their bytes are merged.
const END: u32 = 0x3_0000;
/// Characters that differ in their last byte only.
const BLOCK: usize = 64;

/// What is known of characters and of the borders between them.
pub(super) struct Chars {
    /// The token of each character, or `MANY` and how many tokens it has, in blocks of which equal ones are stored once.
    index: Vec<u16>,
    blocks: Vec<[Token; BLOCK]>,
    /// Which two characters stand side by side in a token.
    pairs: Filter,
    /// The earliest threat at a border, by the first byte after it and the last one before it: the row, and the column. In a
    /// text of one script there are few of the former.
    rows: [u8; 256],
    threats: Vec<[Token; 256]>,
}

/// A character of several tokens: how many is in the low bits.
const MANY: Token = 1 << 31;

impl Chars {
    pub(super) fn new(all: &[Entry], merges: &Merges) -> Self {
        let mut chars = Self {
            index: Vec::new(),
            blocks: Vec::new(),
            pairs: Filter::new(),
            rows: [0; 256],
            threats: vec![[NONE; 256]],
        };
        for entry in all {
            chars.add_borders(entry.token, entry.bytes);
        }
        let mut scratch = Scratch::default();
        let mut known = HashMap::new();
        for first in (0..END).step_by(BLOCK) {
            let block = std::array::from_fn(|n| token(merges, &mut scratch, first + n as u32));
            let at = *known.entry(block).or_insert_with(|| {
                chars.blocks.push(block);
                chars.blocks.len() - 1
            });
            // There are fewer blocks than characters of one plane.
            chars.index.push(at as u16);
        }
        chars
    }

    /// Takes note of the borders of characters within a token.
    fn add_borders(&mut self, token: Token, bytes: &[u8]) {
        let mut start = 0;
        for at in 1..bytes.len() {
            if is_inner(bytes[at]) {
                continue;
            }
            let (left, right) = (&bytes[start..at], &bytes[at..]);
            let is_whole = !is_inner(left[0]) && length(left[0]) == left.len();
            if is_whole && length(right[0]) <= right.len() {
                let (left, right) = (decode(left, 0), decode(right, 0));
                self.pairs.add(left, right);
            } else {
                self.add_threat(token, bytes[at - 1], bytes[at]);
            }
            start = at;
        }
    }

    fn add_threat(&mut self, token: Token, before: u8, after: u8) {
        let row = &mut self.rows[usize::from(after)];
        if *row == 0 {
            // There are fewer rows than bytes.
            *row = self.threats.len() as u8;
            self.threats.push([NONE; 256]);
        }
        let earliest = &mut self.threats[usize::from(*row)][usize::from(before)];
        *earliest = token.min(*earliest);
    }

    #[inline]
    fn threat(&self, before: u8, after: u8) -> Token {
        self.threats[usize::from(self.rows[usize::from(after)])][usize::from(before)]
    }

    /// The token of a character, or `MANY` and how many; `MANY` alone: not known.
    #[inline]
    fn token(&self, code: u32) -> Token {
        match self.index.get(code as usize / BLOCK) {
            Some(block) => self.blocks[usize::from(*block)][code as usize % BLOCK],
            None => MANY,
        }
    }

    /// How many tokens a piece of whole characters has. Where it is cut it is left to `merge`, by what was put into the scratch
    /// for it, and from where to where in the piece it is.
    #[inline]
    pub(super) fn count(
        &self,
        bytes: &[Token; 256],
        scratch: &mut Scratch,
        piece: &[u8],
        mut merge: impl FnMut(&mut Scratch, usize, usize) -> usize,
    ) -> usize {
        let mut total = 0;
        let (mut start, mut at, mut code) = (0, 0, decode(piece, 0));
        let mut threat_before = NONE;
        scratch.clear();
        loop {
            let end = at + length(piece[at]);
            let is_last = end >= piece.len();
            let (next, threat) = match is_last {
                true => (0, NONE),
                false => (decode(piece, end), self.threat(piece[end - 1], piece[end])),
            };
            let is_cut = is_last || threat == NONE && !self.pairs.may_have(code, next);
            let token = self.token(code);
            if is_cut && at == start && token != MANY {
                // Nothing threatens what is cut on both sides.
                total += if token < MANY { 1 } else { (token & !MANY) as usize };
                start = end;
            } else {
                if token < MANY && token < threat.min(threat_before) {
                    scratch.push(token);
                } else {
                    for byte in &piece[at..end] {
                        scratch.push(bytes[usize::from(*byte)]);
                    }
                }
                if is_cut {
                    total += merge(scratch, start, end);
                    scratch.clear();
                    start = end;
                }
            }
            if is_last {
                return total;
            }
            (at, code, threat_before) = (end, next, threat);
        }
    }
}

/// The token of a character, or `MANY` and how many it has.
fn token(merges: &Merges, scratch: &mut Scratch, code: u32) -> Token {
    let Some(character) = char::from_u32(code) else { return MANY };
    let mut buffer = [0; 4];
    let bytes = character.encode_utf8(&mut buffer).as_bytes();
    match scratch.merge_bytes(&merges.pairs, &merges.bytes, bytes) {
        1 => scratch.two().0,
        many => MANY | many as Token,
    }
}

/// Whether a byte is within a character.
#[inline]
fn is_inner(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}
