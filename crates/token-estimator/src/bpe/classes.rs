//! What kind of character each one is, by the tables that the reference's regular expressions are compiled with.

use std::sync::LazyLock;

use regex_syntax::{
    Parser,
    hir::{Class, HirKind},
};

/// `\p{Lu}`, `\p{Lt}`, `\p{Lm}`, `\p{Lo}` or `\p{M}`: what a word may begin with.
pub(super) const UPPER: u8 = 1;
/// `\p{Ll}`, `\p{Lm}`, `\p{Lo}` or `\p{M}`: what a word may go on with.
pub(super) const LOWER: u8 = 2;
/// `\p{L}`.
pub(super) const LETTER: u8 = 4;
/// `\p{N}`.
pub(super) const NUMBER: u8 = 8;
/// `\s`.
pub(super) const SPACE: u8 = 16;
/// `[\r\n]`.
pub(super) const NEWLINE: u8 = 32;

const BLOCK: usize = 256;

/// The kinds of all characters, in blocks of 256, of which equal ones are stored once.
pub(super) struct Classes {
    ascii: [u8; 128],
    /// Also of the codes beyond the last character that four bytes can spell: so no bounds have to be checked.
    index: [u16; 0x2000],
    blocks: Vec<[u8; BLOCK]>,
}

static CLASSES: LazyLock<Classes> = LazyLock::new(Classes::new);

impl Classes {
    pub(super) fn get() -> &'static Self {
        &CLASSES
    }

    fn new() -> Self {
        let mut flat = vec![0_u8; 0x11_0000];
        let kinds = [
            (r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", UPPER),
            (r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]", LOWER),
            (r"\p{L}", LETTER),
            (r"\p{N}", NUMBER),
            (r"\s", SPACE),
            (r"[\r\n]", NEWLINE),
        ];
        for (class, kind) in kinds {
            for (first, last) in ranges(class) {
                for of in &mut flat[first as usize..=last as usize] {
                    *of |= kind;
                }
            }
        }
        let (mut index, mut blocks) = ([0; 0x2000], Vec::<[u8; BLOCK]>::new());
        for (chunk, place) in flat.as_chunks::<BLOCK>().0.iter().zip(&mut index) {
            let known = blocks.iter().position(|block| block == chunk);
            *place = known.unwrap_or(blocks.len()) as u16;
            if known.is_none() {
                blocks.push(*chunk);
            }
        }
        let mut ascii = [0; 128];
        ascii.copy_from_slice(&flat[..128]);
        Self { ascii, index, blocks }
    }

    /// The kind of the character that begins at a byte, and how many bytes it has. Beyond the end: no kind, no bytes.
    #[inline(always)]
    pub(super) fn at(&self, text: &str, at: usize) -> (u8, usize) {
        let bytes = text.as_bytes();
        match bytes.get(at) {
            Some(byte) if *byte < 128 => (self.ascii[usize::from(*byte)], 1),
            Some(byte) => self.wide(bytes, at, *byte),
            None => (0, 0),
        }
    }

    #[inline(always)]
    fn wide(&self, bytes: &[u8], at: usize, first: u8) -> (u8, usize) {
        let (code, length) = (decode(bytes, at), length(first));
        let block = self.index[code as usize / BLOCK % 0x2000];
        (self.blocks[usize::from(block)][code as usize % BLOCK], length)
    }
}

/// How many bytes a character has, by its first one.
#[inline(always)]
pub(super) fn length(first: u8) -> usize {
    match first {
        0xf0.. => 4,
        0xe0.. => 3,
        0xc0.. => 2,
        _ => 1,
    }
}

/// The character that begins at a byte and is whole.
#[inline(always)]
pub(super) fn decode(bytes: &[u8], at: usize) -> u32 {
    let (first, more) = (u32::from(bytes[at]), |n: usize| u32::from(bytes[at + n] & 0x3f));
    match length(bytes[at]) {
        1 => first,
        2 => (first & 31) << 6 | more(1),
        3 => (first & 15) << 12 | more(1) << 6 | more(2),
        _ => (first & 7) << 18 | more(1) << 12 | more(2) << 6 | more(3),
    }
}

/// The characters of a class of the regular expression language, as ranges.
fn ranges(class: &str) -> Vec<(u32, u32)> {
    let parsed = Parser::new().parse(class).map(|hir| hir.into_kind());
    match parsed {
        Ok(HirKind::Class(Class::Unicode(class))) => {
            class.iter().map(|range| (range.start() as u32, range.end() as u32)).collect()
        }
        // The few constants above are classes, as the tests see.
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_found() {
        let classes = Classes::get();
        let kind = |c: char| classes.at(&c.to_string(), 0);
        assert_eq!(kind('A'), (UPPER | LETTER, 1));
        assert_eq!(kind('a'), (LOWER | LETTER, 1));
        assert_eq!(kind('ß'), (LOWER | LETTER, 2));
        assert_eq!(kind('字'), (UPPER | LOWER | LETTER, 3));
        assert_eq!(kind('\u{301}'), (UPPER | LOWER, 2));
        assert_eq!(kind('½'), (NUMBER, 2));
        assert_eq!(kind('\u{3000}'), (SPACE, 3));
        assert_eq!(kind('\n'), (SPACE | NEWLINE, 1));
        assert_eq!(kind('🤚'), (0, 4));
        assert_eq!(classes.at("", 0), (0, 0));
    }
}
