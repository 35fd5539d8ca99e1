//! Which two tokens make which, found by one look at one place.

use super::filter::Filter;

/// An open-addressed table of pairs. It is filled once, and never full.
pub(super) struct Pairs {
    slots: Vec<Slot>,
    mask: usize,
    filter: Filter,
    /// What two bytes make.
    bytes: Vec<u32>,
}

#[derive(Clone, Copy)]
struct Slot {
    left: u32,
    right: u32,
    token: u32,
}

const EMPTY: Slot = Slot { left: u32::MAX, right: u32::MAX, token: u32::MAX };

impl Pairs {
    pub(super) fn with_room_for(pairs: usize) -> Self {
        let slots = (pairs * 2).next_power_of_two();
        Self {
            slots: vec![EMPTY; slots],
            mask: slots - 1,
            filter: Filter::new(),
            bytes: vec![u32::MAX; 1 << 16],
        }
    }

    /// Fibonacci hashing: the high bits are the good ones.
    #[inline]
    fn hash(left: u32, right: u32) -> usize {
        let both = u64::from(left) << 32 | u64::from(right);
        (both.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize
    }

    /// What two bytes make, if anything: else the greatest number.
    #[inline]
    pub(super) fn of_bytes(&self, left: u8, right: u8) -> u32 {
        self.bytes[usize::from(left) << 8 | usize::from(right)]
    }

    /// Says what two bytes make, beside saying so of their tokens.
    pub(super) fn insert_bytes(&mut self, left: u8, right: u8, token: u32) {
        self.bytes[usize::from(left) << 8 | usize::from(right)] = token;
    }

    pub(super) fn insert(&mut self, left: u32, right: u32, token: u32) {
        let hash = Self::hash(left, right);
        self.filter.add(hash);
        let mut at = hash >> 8 & self.mask;
        while self.slots[at].token != EMPTY.token {
            at = (at + 1) & self.mask;
        }
        self.slots[at] = Slot { left, right, token };
    }

    #[inline]
    pub(super) fn get(&self, left: u32, right: u32) -> Option<u32> {
        let hash = Self::hash(left, right);
        if !self.filter.may_have(hash) {
            return None;
        }
        let mut at = hash >> 8 & self.mask;
        loop {
            let slot = self.slots[at];
            if slot.token == EMPTY.token {
                return None;
            }
            if slot.left == left && slot.right == right {
                return Some(slot.token);
            }
            at = (at + 1) & self.mask;
        }
    }
}
