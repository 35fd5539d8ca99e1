//! What was counted lately: words, and whole texts such as a system prompt that every line repeats. Exact, for both are
//! compared in full.

use std::hash::Hasher;

use super::pieces::hash;

const WORDS: usize = 1 << 15;
const TEXTS: usize = 512;
/// Shorter texts are counted as fast as they are found.
const SHORTEST: usize = 128;
/// Longer ones are not kept: this times `TEXTS` is the most that a thread may hold.
const LONGEST: usize = 32 << 10;

/// Counts, by what they are of.
pub(super) struct Memo {
    /// A word's key, and its count in the upper half of the last byte.
    words: Vec<u128>,
    texts: Vec<Option<(Box<str>, u64)>>,
    kept_bytes: usize,
}

/// Where a word's count is kept.
const COUNT: u128 = 0xf << 124;

/// What all kept texts together may hold.
const MOST_BYTES: usize = 4 << 20;

impl Memo {
    pub(super) fn new() -> Self {
        Self { words: vec![0; WORDS], texts: vec![None; TEXTS], kept_bytes: 0 }
    }

    /// The count of a word, counted if it must be.
    #[inline]
    pub(super) fn word(&mut self, key: u128, count: impl FnOnce() -> usize) -> usize {
        let at = hash(key) % WORDS;
        let kept = self.words[at];
        if kept & !COUNT == key {
            return (kept >> 124) as usize;
        }
        // A word has no more tokens than bytes, which are fifteen.
        let tokens = count();
        self.words[at] = key | (tokens as u128) << 124;
        tokens
    }

    /// The count of a text, if it was kept.
    pub(super) fn text(&self, text: &str) -> Option<u64> {
        let at = place(text)?;
        self.texts[at].as_ref().filter(|(kept, _)| **kept == *text).map(|(_, count)| *count)
    }

    /// Keeps the count of a text in place of another.
    pub(super) fn keep(&mut self, text: &str, count: u64) {
        let Some(at) = place(text) else { return };
        let before = self.texts[at].as_ref().map_or(0, |(kept, _)| kept.len());
        let after = self.kept_bytes - before + text.len();
        if after <= MOST_BYTES {
            self.texts[at] = Some((text.into(), count));
            self.kept_bytes = after;
        }
    }
}

fn place(text: &str) -> Option<usize> {
    if !(SHORTEST..=LONGEST).contains(&text.len()) {
        return None;
    }
    let mut hasher = std::hash::DefaultHasher::new();
    // Its ends and its length tell most texts apart, and those that they do not are compared.
    let bytes = text.as_bytes();
    hasher.write(&bytes[..64]);
    hasher.write(&bytes[bytes.len() - 64..]);
    hasher.write_usize(bytes.len());
    Some(hasher.finish() as usize % TEXTS)
}
