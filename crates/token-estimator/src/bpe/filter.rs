//! What is certainly not in a table, told from a nearer cache than the table's own.

/// A bit for each of many places. Most of what is asked for is in no table.
pub(super) struct Filter {
    bits: Vec<u64>,
    mask: usize,
}

impl Filter {
    /// Of so many bits, a power of two.
    pub(super) fn new(bits: usize) -> Self {
        Self { bits: vec![0; bits / 64], mask: bits / 64 - 1 }
    }

    pub(super) fn add(&mut self, hash: usize) {
        self.bits[hash >> 6 & self.mask] |= 1 << (hash % 64);
    }

    #[inline]
    pub(super) fn may_have(&self, hash: usize) -> bool {
        self.bits[hash >> 6 & self.mask] & 1 << (hash % 64) != 0
    }
}
