//! Short byte strings as keys.

/// The longest piece that fits into a key.
pub(super) const LONGEST: usize = 15;

/// A piece of up to fifteen bytes with its length in its last byte: exact, no hash.
#[derive(Clone, Copy)]
pub(super) enum Key {
    /// Up to seven bytes.
    Short(u64),
    Long(u128),
}

/// The key of the bytes from one place to another, if they are few enough.
#[inline]
pub(super) fn key(text: &[u8], start: usize, end: usize) -> Option<Key> {
    let length = end - start;
    if length <= 7 {
        // Where eight bytes can be read at once, that is faster than so many.
        let bytes = match text.get(start..start + 8).and_then(|bytes| bytes.first_chunk()) {
            Some(bytes) => u64::from_le_bytes(*bytes),
            None => {
                let mut bytes = [0; 8];
                bytes[..length].copy_from_slice(&text[start..end]);
                u64::from_le_bytes(bytes)
            }
        };
        let mask = (1_u64 << (8 * length)) - 1;
        return Some(Key::Short(bytes & mask | (length as u64) << 56));
    }
    if length > LONGEST {
        return None;
    }
    let bytes = match text.get(start..start + 16).and_then(|bytes| bytes.first_chunk()) {
        Some(bytes) => u128::from_le_bytes(*bytes),
        None => {
            let mut bytes = [0; 16];
            bytes[..length].copy_from_slice(&text[start..end]);
            u128::from_le_bytes(bytes)
        }
    };
    let mask = (1_u128 << (8 * length)) - 1;
    Some(Key::Long(bytes & mask | (length as u128) << 120))
}

/// The longest piece that fits into a wide key.
const WIDEST: usize = 30;

/// A piece of up to thirty bytes, its length, and an empty byte: exact, too.
pub(super) type WideKey = [u128; 2];

/// The wide key of the bytes from one place to another, if they are few enough.
#[inline]
pub(super) fn wide_key(text: &[u8], start: usize, end: usize) -> Option<WideKey> {
    let length = end - start;
    if length > WIDEST {
        return None;
    }
    let mut key = match text.get(start..start + 32).map(<[u8]>::as_chunks) {
        Some(([low, high], _)) => [u128::from_le_bytes(*low), u128::from_le_bytes(*high)],
        _ => {
            let mut bytes = [[0; 16]; 2];
            bytes.as_flattened_mut()[..length].copy_from_slice(&text[start..end]);
            bytes.map(u128::from_le_bytes)
        }
    };
    let mask = |bytes: usize| if bytes >= 16 { u128::MAX } else { (1 << (8 * bytes)) - 1 };
    key[0] &= mask(length);
    key[1] = key[1] & mask(length.saturating_sub(16)) | (length as u128) << 112;
    Some(key)
}

/// Spreads a wide key.
#[inline]
pub(super) fn hash_wide(key: &WideKey) -> usize {
    hash_long(key[0] ^ key[1].rotate_left(57))
}

/// Spreads a short key: the high bits are the good ones.
#[inline]
pub(super) fn hash_short(key: u64) -> usize {
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize
}

/// Spreads a long key.
#[inline]
pub(super) fn hash_long(key: u128) -> usize {
    let (low, high) = (key as u64, (key >> 64) as u64);
    let mixed = (low ^ high.rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ high.wrapping_mul(0xc2b2_ae3d_27d4_eb4f)).wrapping_mul(0x1656_67b1_9e37_79f9) >> 32) as usize
}

/// Which pieces that have a key are tokens.
pub(super) struct Pieces {
    short: Vec<u64>,
    long: Vec<u128>,
}

impl Pieces {
    /// Of these many tokens; both tables stay about half empty.
    pub(super) fn with_room_for(short: usize, long: usize) -> Self {
        let slots = |tokens: usize| (tokens * 3 / 2).next_power_of_two();
        Self { short: vec![0; slots(short)], long: vec![0; slots(long)] }
    }

    /// Zero is the key of no piece but the empty one.
    pub(super) fn insert(&mut self, key: Key) {
        match key {
            Key::Short(key) => {
                let at = find(&self.short, hash_short(key), |slot| *slot == 0);
                self.short[at] = key;
            }
            Key::Long(key) => {
                let at = find(&self.long, hash_long(key), |slot| *slot == 0);
                self.long[at] = key;
            }
        }
    }

    #[inline]
    pub(super) fn has_short(&self, key: u64) -> bool {
        self.short[find(&self.short, hash_short(key), |slot| *slot == key || *slot == 0)] == key
    }

    #[inline]
    pub(super) fn has_long(&self, key: u128) -> bool {
        self.long[find(&self.long, hash_long(key), |slot| *slot == key || *slot == 0)] == key
    }
}

/// The first fitting place from where a hash points to: there is one.
#[inline]
fn find<T>(slots: &[T], hash: usize, fits: impl Fn(&T) -> bool) -> usize {
    let mask = slots.len() - 1;
    let mut at = hash >> 7 & mask;
    while !fits(&slots[at]) {
        at = (at + 1) & mask;
    }
    at
}
