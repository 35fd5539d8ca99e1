//! Which two tokens make which, found by one look at one place.

use super::{
    filter::Filter,
    tokens::{NONE, Token},
};

/// Bits of a token: there are fewer than `1 << 18`.
const BITS: u32 = 18;
const EMPTY: u64 = u64::MAX;

/// An open-addressed table of pairs. It is filled once, and never full.
pub(super) struct Pairs {
    /// Both tokens, and below them what they make.
    slots: Vec<u64>,
    mask: usize,
    filter: Filter,
    /// What two bytes make.
    bytes: Vec<Token>,
}

impl Pairs {
    pub(super) fn with_room_for(pairs: usize) -> Self {
        let slots = (pairs * 2).next_power_of_two();
        Self {
            slots: vec![EMPTY; slots],
            mask: slots - 1,
            filter: Filter::new(1 << 21),
            bytes: vec![NONE; 1 << 16],
        }
    }

    #[inline]
    fn key(left: Token, right: Token) -> u64 {
        u64::from(left) << BITS | u64::from(right)
    }

    /// Fibonacci hashing: the high bits are the good ones.
    #[inline]
    fn hash(key: u64) -> usize {
        (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize
    }

    /// What two bytes make, if anything: else the greatest number.
    #[inline]
    pub(super) fn of_bytes(&self, left: u8, right: u8) -> Token {
        self.bytes[usize::from(left) << 8 | usize::from(right)]
    }

    /// Says what two bytes make, beside saying so of their tokens.
    pub(super) fn insert_bytes(&mut self, left: u8, right: u8, token: Token) {
        self.bytes[usize::from(left) << 8 | usize::from(right)] = token;
    }

    pub(super) fn insert(&mut self, left: Token, right: Token, token: Token) {
        let key = Self::key(left, right);
        let hash = Self::hash(key);
        self.filter.add(hash);
        let mut at = hash >> 8 & self.mask;
        while self.slots[at] != EMPTY {
            at = (at + 1) & self.mask;
        }
        self.slots[at] = key << BITS | u64::from(token);
    }

    /// What two tokens make, or the greatest number.
    #[inline]
    pub(super) fn get(&self, left: Token, right: Token) -> Token {
        let key = Self::key(left, right);
        let hash = Self::hash(key);
        if !self.filter.may_have(hash) {
            return NONE;
        }
        let mut at = hash >> 8 & self.mask;
        loop {
            let slot = self.slots[at];
            if slot >> BITS == key {
                return (slot & ((1 << BITS) - 1)) as Token;
            }
            if slot == EMPTY {
                return NONE;
            }
            at = (at + 1) & self.mask;
        }
    }
}

/// What was asked lately: texts are of one language, so they ask for the same few thousand pairs, and the whole table is too
/// large for the nearer caches.
pub(super) struct Lately(Vec<u64>);

const LATELY: usize = 1 << 13;
/// As a token: none.
const NO_TOKEN: u64 = (1 << BITS) - 1;

impl Lately {
    pub(super) fn new() -> Self {
        Self(vec![EMPTY; LATELY])
    }

    /// What two tokens make, or the greatest number.
    #[inline]
    pub(super) fn get(&mut self, pairs: &Pairs, left: Token, right: Token) -> Token {
        let key = Pairs::key(left, right);
        let slot = &mut self.0[Pairs::hash(key) % LATELY];
        if *slot >> BITS != key {
            *slot = key << BITS | u64::from(pairs.get(left, right)).min(NO_TOKEN);
        }
        match *slot & NO_TOKEN {
            NO_TOKEN => NONE,
            token => token as Token,
        }
    }
}
