//! The tokens of an encoding, as the build script wrote them.

use crate::Encoding;

/// A token by its rank: the order in which pairs are merged into it.
pub(super) type Token = u32;

/// No token.
pub(super) const NONE: Token = u32::MAX;

const CL100K: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/cl100k_base"));
const O200K: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/o200k_base"));

/// A token, its bytes, and the two tokens that it is merged from; one that is a byte is made of itself.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) token: Token,
    pub(super) bytes: &'static [u8],
    pub(super) halves: (Token, Token),
}

/// All tokens, in the order of their bytes.
pub(super) fn read(encoding: Encoding) -> Vec<Entry> {
    let mut table = match encoding {
        Encoding::Cl100kBase => CL100K,
        Encoding::O200kBase => O200K,
    };
    let mut entries = Vec::with_capacity(table.len() / 16);
    while let Some((head, rest)) = table.split_first_chunk::<10>()
        && let [length, a, b, c, d, e, f, g, h, i] = *head
        && let Some((bytes, rest)) = rest.split_at_checked(usize::from(length))
    {
        let rank = |low, middle, high| u32::from_le_bytes([low, middle, high, 0]);
        entries.push(Entry { token: rank(a, b, c), bytes, halves: (rank(d, e, f), rank(g, h, i)) });
        table = rest;
    }
    entries
}
