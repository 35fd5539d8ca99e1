//! A piece into tokens: the pair that makes the earliest token is merged, over and over. The number of steps is the square of
//! the length, so this is for short pieces.

use super::{
    tokens::{NONE, Token},
    vocabulary::Merges,
};

/// Pieces up to this length are merged here.
pub(super) const SHORT: usize = 12;

/// What is needed for one piece after another.
#[derive(Default)]
pub(super) struct Scratch {
    tokens: Vec<Token>,
    /// What each token would make with the next one.
    makes: Vec<Token>,
}

impl Scratch {
    /// The tokens of a piece.
    pub(super) fn merge(&mut self, merges: &Merges, piece: &[u8]) -> &[Token] {
        let Self { tokens, makes } = self;
        tokens.clear();
        tokens.extend(piece.iter().map(|byte| merges.bytes[usize::from(*byte)]));
        makes.clear();
        makes.extend(piece.windows(2).map(|two| merges.pairs.of_bytes(two[0], two[1])));
        makes.push(NONE);
        let mut left = tokens.len();
        loop {
            let (at, made) = earliest(&makes[..left]);
            if made == NONE {
                tokens.truncate(left);
                return tokens;
            }
            tokens[at] = made;
            tokens.copy_within(at + 2..left, at + 1);
            makes.copy_within(at + 1..left, at);
            left -= 1;
            if at + 1 < left {
                makes[at] = merges.pairs.get(made, tokens[at + 1]).unwrap_or(NONE);
            }
            if at > 0 {
                makes[at - 1] = merges.pairs.get(tokens[at - 1], made).unwrap_or(NONE);
            }
        }
    }
}

/// Where the earliest token is to be made, the leftmost if there are several, and which.
#[inline]
fn earliest(makes: &[Token]) -> (usize, Token) {
    // In two passes, for the compiler makes vector code of each.
    let made = makes.iter().fold(NONE, |least, token| least.min(*token));
    (makes.iter().position(|token| *token == made).unwrap_or_default(), made)
}
