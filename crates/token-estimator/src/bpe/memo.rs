//! What was counted lately: words, and whole texts such as a system prompt that every line repeats. Exact, for both are
//! compared in full.

use std::hash::Hasher;

use super::pieces::{Key, WideKey, hash_long, hash_short, hash_wide};

const WORDS: usize = 1 << 14;
const WIDE_WORDS: usize = 1 << 13;
const TEXTS: usize = 512;
/// Shorter texts are counted as fast as they are found.
const SHORTEST: usize = 128;
/// Longer ones are not kept: this times `TEXTS` is the most that a thread may hold.
const LONGEST: usize = 32 << 10;

/// Counts, by what they are of.
pub(super) struct Memo {
    /// A word's key, and its count in the upper bits of the last byte.
    short: Vec<u64>,
    long: Vec<u128>,
    wide: Vec<WideKey>,
    texts: Vec<Text>,
    kept_bytes: usize,
}

/// What is known of the texts that belong to a place.
#[derive(Clone, Default)]
struct Text {
    /// Of the last one that was counted: most never come again, and a copy is only made of those that do.
    hash: u64,
    kept: Option<(Box<str>, u64)>,
}

/// Where a word's count is kept.
const SHORT_COUNT: u64 = 0xf << 60;
const LONG_COUNT: u128 = 0xf << 124;
const WIDE_COUNT: u128 = 0xff << 120;

/// What all kept texts together may hold.
const MOST_BYTES: usize = 4 << 20;

impl Memo {
    pub(super) fn new() -> Self {
        let texts = vec![Text::default(); TEXTS];
        Self {
            short: vec![0; WORDS],
            long: vec![0; WORDS],
            wide: vec![[0; 2]; WIDE_WORDS],
            texts,
            kept_bytes: 0,
        }
    }

    /// The count of a word, counted if it must be.
    #[inline]
    pub(super) fn word(&mut self, key: Key, count: impl FnOnce() -> usize) -> usize {
        // A word has no more tokens than bytes, which are fifteen.
        match key {
            Key::Short(key) => {
                let kept = &mut self.short[hash_short(key) % WORDS];
                if *kept & !SHORT_COUNT != key {
                    *kept = key | (count() as u64) << 60;
                }
                (*kept >> 60) as usize
            }
            Key::Long(key) => {
                let kept = &mut self.long[hash_long(key) % WORDS];
                if *kept & !LONG_COUNT != key {
                    *kept = key | (count() as u128) << 124;
                }
                (*kept >> 124) as usize
            }
        }
    }

    /// The count of a word of a wide key, counted if it must be.
    #[inline]
    pub(super) fn wide_word(&mut self, key: WideKey, count: impl FnOnce() -> usize) -> usize {
        let kept = &mut self.wide[hash_wide(&key) % WIDE_WORDS];
        if kept[0] != key[0] || kept[1] & !WIDE_COUNT != key[1] {
            *kept = [key[0], key[1] | (count() as u128) << 120];
        }
        (kept[1] >> 120) as usize
    }

    /// The count of a text, if it was kept.
    pub(super) fn text(&self, text: &str) -> Option<u64> {
        let place = place(text)?;
        let kept = self.texts[place as usize % TEXTS].kept.as_ref();
        kept.filter(|(kept, _)| **kept == *text).map(|(_, count)| *count)
    }

    /// Keeps the count of a text that has come again, in place of another.
    pub(super) fn keep(&mut self, text: &str, count: u64) {
        let Some(hash) = place(text) else { return };
        let slot = &mut self.texts[hash as usize % TEXTS];
        if slot.hash != hash {
            slot.hash = hash;
            return;
        }
        let before = slot.kept.as_ref().map_or(0, |(kept, _)| kept.len());
        let after = self.kept_bytes - before + text.len();
        if after <= MOST_BYTES {
            slot.kept = Some((text.into(), count));
            self.kept_bytes = after;
        }
    }
}

/// Where a text is kept.
fn place(text: &str) -> Option<u64> {
    if !(SHORTEST..=LONGEST).contains(&text.len()) {
        return None;
    }
    let mut hasher = std::hash::DefaultHasher::new();
    // Its ends and its length tell most texts apart, and those that they do not are compared.
    let bytes = text.as_bytes();
    hasher.write(&bytes[..64]);
    hasher.write(&bytes[bytes.len() - 64..]);
    hasher.write_usize(bytes.len());
    Some(hasher.finish())
}
