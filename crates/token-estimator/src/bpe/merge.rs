//! A piece into tokens: the pair that makes the earliest token is merged, over and over. The number of steps is the square of
//! the length, so this is for short pieces.

use super::{
    pairs::Pairs,
    tokens::{NONE, Token},
};

/// The most that can be merged at once: no token has more bytes.
pub(super) const MOST: usize = 128;

/// Places are looked at by so many at once.
const LANE: usize = 8;
/// A place where nothing can be made.
const NOTHING: i32 = i32::MAX;

/// The tokens of a piece, before they are merged and after.
pub(super) struct Scratch {
    tokens: [Token; MOST],
    /// What each token would make with the next one, and where: what is made earliest is the least, and the leftmost of those.
    makes: [i32; MOST],
    next: [u8; MOST],
    before: [u8; MOST],
    length: usize,
}

impl Default for Scratch {
    fn default() -> Self {
        Self { tokens: [NONE; MOST], makes: [NOTHING; MOST], next: [0; MOST], before: [0; MOST], length: 0 }
    }
}

#[inline]
fn make(token: Token, at: usize) -> i32 {
    if token == NONE { NOTHING } else { (token << 7 | at as u32) as i32 }
}

impl Scratch {
    /// Begins another piece.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.length = 0;
    }

    /// Adds a token, of which there are `MOST` at most.
    #[inline]
    pub(super) fn push(&mut self, token: Token) {
        self.tokens[self.length % MOST] = token;
        self.length += 1;
    }

    /// How many tokens were added.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// Merges the tokens of these bytes, and says how many are left.
    pub(super) fn merge_bytes(&mut self, pairs: &Pairs, bytes: &[Token; 256], piece: &[u8]) -> usize {
        self.length = piece.len();
        for (token, byte) in self.tokens.iter_mut().zip(piece) {
            *token = bytes[usize::from(*byte)];
        }
        for (at, (made, two)) in self.makes.iter_mut().zip(piece.windows(2)).enumerate() {
            *made = make(pairs.of_bytes(two[0], two[1]), at);
        }
        self.run(pairs)
    }

    /// Merges what was added, and says how many tokens are left.
    #[inline]
    pub(super) fn merge(&mut self, pairs: &Pairs) -> usize {
        let [first, second, third, ..] = self.tokens;
        match self.length {
            0 | 1 => return self.length,
            2 => return 1 + usize::from(pairs.get(first, second) == NONE),
            3 => {
                let (left, right) = (pairs.get(first, second), pairs.get(second, third));
                let (before, after) = if left <= right { (left, third) } else { (first, right) };
                return match left == right && left == NONE {
                    true => 3,
                    false => 1 + usize::from(pairs.get(before, after) == NONE),
                };
            }
            _ => {}
        }
        for (at, (made, two)) in self.makes[..self.length].iter_mut().zip(self.tokens.windows(2)).enumerate()
        {
            *made = make(pairs.get(two[0], two[1]), at);
        }
        self.run(pairs)
    }

    /// The two tokens that are left where two are left.
    pub(super) fn two(&self) -> (Token, Token) {
        (self.tokens[0], self.tokens[usize::from(self.next[0]) % MOST])
    }

    fn run(&mut self, pairs: &Pairs) -> usize {
        let length = self.length.min(MOST);
        let end = length.next_multiple_of(LANE);
        self.makes[length.saturating_sub(1)..end].fill(NOTHING);
        for at in 0..length {
            self.next[at] = (at + 1) as u8;
            self.before[at] = at.wrapping_sub(1) as u8;
        }
        let mut left = length;
        loop {
            let least = least(&self.makes[..end]);
            if least == NOTHING {
                return left;
            }
            let (made, at) = (least as u32 >> 7, least as usize % MOST);
            let gone = usize::from(self.next[at]) % MOST;
            let next = usize::from(self.next[gone]);
            self.tokens[at] = made;
            self.makes[gone] = NOTHING;
            self.next[at] = next as u8;
            left -= 1;
            self.makes[at] = NOTHING;
            if next < length {
                self.before[next] = at as u8;
                self.makes[at] = make(pairs.get(made, self.tokens[next]), at);
            }
            if at > 0 {
                let before = usize::from(self.before[at]) % MOST;
                self.makes[before] = make(pairs.get(self.tokens[before], made), before);
            }
        }
    }
}

#[inline]
fn least(makes: &[i32]) -> i32 {
    let mut lanes = [NOTHING; LANE];
    for chunk in makes.as_chunks::<LANE>().0 {
        for (lane, make) in lanes.iter_mut().zip(chunk) {
            *lane = (*lane).min(*make);
        }
    }
    lanes.into_iter().fold(NOTHING, i32::min)
}
