//! Short byte strings as keys.

use std::ops::Range;

use super::filter::Filter;

/// The longest piece that fits into a key.
pub(super) const LONGEST: usize = 15;

/// A piece of up to fifteen bytes, and its length in the last one: exact, no hash.
#[inline]
pub(super) fn key(text: &[u8], piece: &Range<usize>) -> Option<u128> {
    let length = piece.len();
    if length > LONGEST {
        return None;
    }
    // Where sixteen bytes can be read at once, that is faster than so many.
    let bytes = match text.get(piece.start..piece.start + 16).and_then(|bytes| bytes.first_chunk()) {
        Some(bytes) => u128::from_le_bytes(*bytes),
        None => {
            let mut bytes = [0; 16];
            bytes[..length].copy_from_slice(&text[piece.clone()]);
            u128::from_le_bytes(bytes)
        }
    };
    let mask = (1_u128 << (8 * length)) - 1;
    Some(bytes & mask | (length as u128) << 120)
}

/// Spreads a key.
#[inline]
pub(super) fn hash(key: u128) -> usize {
    let (low, high) = (key as u64, (key >> 64) as u64);
    let mixed = (low ^ high.rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ high.wrapping_mul(0xc2b2_ae3d_27d4_eb4f)).wrapping_mul(0x1656_67b1_9e37_79f9) >> 32) as usize
}

/// Which short pieces are tokens.
pub(super) struct Pieces {
    slots: Vec<u128>,
    mask: usize,
    filter: Filter,
}

impl Pieces {
    pub(super) fn with_room_for(pieces: usize) -> Self {
        let slots = (pieces * 2).next_power_of_two();
        Self { slots: vec![0; slots], mask: slots - 1, filter: Filter::new(1 << 22) }
    }

    /// Zero is the key of no piece but the empty one.
    pub(super) fn insert(&mut self, key: u128) {
        let hash = hash(key);
        self.filter.add(hash);
        let mut at = hash >> 8 & self.mask;
        while self.slots[at] != 0 {
            at = (at + 1) & self.mask;
        }
        self.slots[at] = key;
    }

    #[inline]
    pub(super) fn contains(&self, key: u128) -> bool {
        let hash = hash(key);
        if !self.filter.may_have(hash) {
            return false;
        }
        let mut at = hash >> 8 & self.mask;
        loop {
            let slot = self.slots[at];
            if slot == key {
                return true;
            }
            if slot == 0 {
                return false;
            }
            at = (at + 1) & self.mask;
        }
    }
}
