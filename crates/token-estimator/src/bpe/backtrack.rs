//! A long piece into tokens, as merging would: always the longest token that may stand beside the one before it, and a step
//! back where there is none. No position is tried twice, so this is linear.

use super::{
    tokens::{Entry, NONE, Token},
    trie::Trie,
    vocabulary::Merges,
};

/// What is needed to find tokens in long pieces.
pub(super) struct Tree {
    trie: Trie,
    /// The longest token that each one begins with, itself aside.
    shorter: Vec<Token>,
    /// How many bytes each one has.
    lengths: Vec<u8>,
}

/// What is needed for one piece after another.
#[derive(Default)]
pub(super) struct Path {
    tokens: Vec<Token>,
    /// A bit for each place where a token was found not to be able to end.
    dead: Vec<u64>,
    /// Which pairs were lately found to be able to meet, and which not: long pieces repeat themselves.
    meetings: Vec<u64>,
}

const MEETINGS: usize = 1 << 13;

impl Path {
    #[inline]
    fn may_meet(&mut self, merges: &Merges, left: Token, right: Token) -> bool {
        // Tokens have eighteen bits; the lowest bit is the answer, and the one above it tells an answer from none.
        let key = u64::from(left) << 34 | u64::from(right) << 2 | 2;
        let known = &mut self.meetings[(key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize % MEETINGS];
        if *known & !1 != key {
            *known = key | u64::from(merges.may_meet(left, right));
        }
        *known & 1 != 0
    }
}

impl Tree {
    /// Of tokens in the order of their bytes.
    pub(super) fn new(sorted: &[Entry]) -> Self {
        let mut lengths = vec![0; sorted.len()];
        for entry in sorted {
            // No token has more than 128 bytes.
            lengths[entry.token as usize] = entry.bytes.len() as u8;
        }
        Self { trie: Trie::new(sorted), shorter: shorter(sorted), lengths }
    }

    /// How many tokens a piece has.
    pub(super) fn count(&self, merges: &Merges, path: &mut Path, piece: &[u8]) -> usize {
        path.tokens.clear();
        path.meetings.resize(MEETINGS, 0);
        path.dead.clear();
        path.dead.resize(piece.len() / 64 + 1, 0);
        let mut at = 0;
        let mut next = self.trie.longest(piece, &merges.bytes);
        loop {
            let end = at + usize::from(self.lengths[next as usize]);
            let alive = path.dead[end / 64] & 1 << (end % 64) == 0;
            if alive && path.tokens.last().copied().is_none_or(|last| path.may_meet(merges, last, next)) {
                path.tokens.push(next);
                at = end;
                if at >= piece.len() {
                    return path.tokens.len();
                }
                next = self.trie.longest(&piece[at..], &merges.bytes);
            } else if self.shorter[next as usize] != NONE {
                next = self.shorter[next as usize];
            } else {
                // Nothing begins here after what came before: that must end elsewhere.
                path.dead[at / 64] |= 1 << (at % 64);
                // There is always a way, so there was one before.
                let Some(last) = path.tokens.pop() else { return piece.len() };
                at -= usize::from(self.lengths[last as usize]);
                next = last;
            }
        }
    }
}

/// For each token the longest other one that it begins with: among sorted strings, those before it that it begins with are a
/// stack.
fn shorter(sorted: &[Entry]) -> Vec<Token> {
    let mut shorter = vec![NONE; sorted.len()];
    let mut stack: Vec<Entry> = Vec::new();
    for entry in sorted {
        while stack.last().is_some_and(|above| !entry.bytes.starts_with(above.bytes)) {
            stack.pop();
        }
        shorter[entry.token as usize] = stack.last().map_or(NONE, |above| above.token);
        stack.push(*entry);
    }
    shorter
}
