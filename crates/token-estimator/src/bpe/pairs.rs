//! Which two tokens make which, found by one look at one place.

use super::tokens::{NONE, Token};

/// Bits of a token: there are fewer than `1 << 18`.
const BITS: u32 = 18;
const EMPTY: u64 = u64::MAX;

/// For each left token an open-addressed table of the right ones. A text asks for few left tokens, so what it asks for stays in
/// the nearer caches, as it would not in one table for all.
pub(super) struct Pairs {
    rows: Vec<Row>,
    /// A right token, and below it what is made.
    slots: Vec<u64>,
    /// What two bytes make.
    bytes: Vec<Token>,
}

/// Where the table of a left token is.
#[derive(Clone, Copy, Default)]
struct Row {
    start: u32,
    /// A bit for each hash of a right token: most of what is asked for is in no table.
    filter: u32,
    /// The number of slots is two to the power of this; one slot is always empty.
    log: u8,
}

impl Pairs {
    /// Of what two tokens make, all tokens being less than a number.
    pub(super) fn new(tokens: usize, pairs: impl Iterator<Item = (Token, Token, Token)> + Clone) -> Self {
        let mut rights = vec![0_u32; tokens];
        pairs.clone().for_each(|(left, ..)| rights[left as usize] += 1);
        // The first slot is that of all empty tables.
        let mut end = 1;
        let place = |rights: &u32| {
            if *rights == 0 {
                return Row::default();
            }
            let size = (rights * 4 / 3 + 1).next_power_of_two();
            let start = end;
            end += size;
            Row { start, filter: 0, log: size.ilog2() as u8 }
        };
        let rows = rights.iter().map(place).collect();
        let mut table = Self { rows, slots: vec![EMPTY; end as usize], bytes: vec![NONE; 1 << 16] };
        pairs.for_each(|(left, right, made)| table.insert(left, right, made));
        table
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

    fn insert(&mut self, left: Token, right: Token, token: Token) {
        let hash = hash(right);
        let row = &mut self.rows[left as usize];
        row.filter |= 1 << (hash % 32);
        let mut at = row.first(hash);
        while self.slots[row.slot(at)] != EMPTY {
            at += 1;
        }
        self.slots[row.slot(at)] = u64::from(right) << BITS | u64::from(token);
    }

    /// What two tokens make, or the greatest number.
    #[inline]
    pub(super) fn get(&self, left: Token, right: Token) -> Token {
        let row = self.rows[left as usize];
        let hash = hash(right);
        if row.filter & 1 << (hash % 32) == 0 {
            return NONE;
        }
        let mut at = row.first(hash);
        loop {
            let slot = self.slots[row.slot(at)];
            if slot >> BITS == u64::from(right) {
                return (slot & ((1 << BITS) - 1)) as Token;
            }
            if slot == EMPTY {
                return NONE;
            }
            at += 1;
        }
    }
}

impl Row {
    #[inline]
    fn first(self, hash: u32) -> u32 {
        hash >> 5
    }

    #[inline]
    fn slot(self, at: u32) -> usize {
        (self.start + (at & ((1 << self.log) - 1))) as usize
    }
}

/// Fibonacci hashing: the high bits are the good ones.
#[inline]
fn hash(token: Token) -> u32 {
    token.wrapping_mul(0x9e37_79b1) >> 8
}
