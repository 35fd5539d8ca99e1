//! Which two characters certainly stand side by side in no token, told from a near cache.

/// A bit for each of many pairs of characters. Most of what is asked for is in no token.
pub(super) struct Filter {
    words: Vec<u64>,
}

/// A power of two.
const WORDS: usize = 1 << 13;
/// As many words as a line of a cache has.
const LINE: usize = 8;

impl Filter {
    pub(super) fn new() -> Self {
        Self { words: vec![0; WORDS] }
    }

    /// A word for each character on the left and 64 neighbours on the right; neighbours on the left are in one line. So the
    /// letters of a script are few lines.
    #[inline]
    fn word(left: u32, right: u32) -> usize {
        let line = u64::from(left / LINE as u32) << 32 | u64::from(right / u64::BITS);
        let hash = (line.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize;
        ((hash * LINE) | (left as usize % LINE)) % WORDS
    }

    pub(super) fn add(&mut self, left: u32, right: u32) {
        self.words[Self::word(left, right)] |= 1 << (right % u64::BITS);
    }

    #[inline]
    pub(super) fn may_have(&self, left: u32, right: u32) -> bool {
        self.words[Self::word(left, right)] >> (right % u64::BITS) & 1 != 0
    }
}
