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
        let Path { tokens, dead } = path;
        tokens.clear();
        dead.clear();
        dead.resize(piece.len() / 64 + 1, 0);
        let mut at = 0;
        let mut next = self.trie.longest(piece, &merges.bytes);
        loop {
            let end = at + usize::from(self.lengths[next as usize]);
            let alive = dead[end / 64] & 1 << (end % 64) == 0;
            if alive && tokens.last().is_none_or(|last| merges.may_meet(*last, next)) {
                tokens.push(next);
                at = end;
                if at >= piece.len() {
                    return tokens.len();
                }
                next = self.trie.longest(&piece[at..], &merges.bytes);
            } else if self.shorter[next as usize] != NONE {
                next = self.shorter[next as usize];
            } else {
                // Nothing begins here after what came before: that must end elsewhere.
                dead[at / 64] |= 1 << (at % 64);
                // There is always a way, so there was one before.
                let Some(last) = tokens.pop() else { return piece.len() };
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
