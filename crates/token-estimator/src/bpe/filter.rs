//! What is certainly not in a table, told from a nearer cache than the table's own.

const BITS: usize = 1 << 22;

/// A bit for each of four million places. Most of what is asked for is in no table.
pub(super) struct Filter(Vec<u64>);

impl Filter {
    pub(super) fn new() -> Self {
        Self(vec![0; BITS / 64])
    }

    pub(super) fn add(&mut self, hash: usize) {
        self.0[hash % BITS / 64] |= 1 << (hash % 64);
    }

    #[inline]
    pub(super) fn may_have(&self, hash: usize) -> bool {
        self.0[hash % BITS / 64] & 1 << (hash % 64) != 0
    }
}
