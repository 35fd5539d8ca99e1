//! The tokens of an encoding, and which of them merge into which.

use std::{collections::HashSet, thread};

use super::{
    backtrack::{Path, Tree},
    chars::Chars,
    merge::Scratch,
    pairs::Pairs,
    pieces::{Pieces, key},
    tokens::{NONE, Token, Tokens},
};
use crate::Encoding;

/// What has more tokens before it is merged is not merged, for the steps would be too many.
const SHORT: usize = 24;

/// An encoding.
pub(super) struct Vocabulary {
    tree: Tree,
    merges: Merges,
    chars: Chars,
    short: Pieces,
    long: HashSet<Box<[u8]>>,
}

/// What merges into what.
pub(super) struct Merges {
    /// The tokens of single bytes.
    pub(super) bytes: [Token; 256],
    pub(super) pairs: Pairs,
    /// The two tokens that each one is made of; what is not merged is made of itself.
    halves: Vec<(Token, Token)>,
}

impl Vocabulary {
    /// Reads the tables of the reference; `None` if they are not what they were.
    pub(super) fn load(encoding: Encoding) -> Option<Self> {
        let (reference, count) = match encoding {
            Encoding::Cl100kBase => (tiktoken_rs::cl100k_base(), 100_256),
            Encoding::O200kBase => (tiktoken_rs::o200k_base(), 199_998),
        };
        let reference = reference.ok()?;
        let tokens = Tokens::read(count, |rank| reference.decode_bytes(&[rank]).ok())?;
        // Loading is waited for, and most machines have a second core.
        let (tree, merges) = thread::scope(|scope| {
            let tree = scope.spawn(|| Tree::new(&tokens));
            let merges = Merges::new(&tokens);
            (tree.join().ok(), merges)
        });
        let (mut short, mut long) = (Pieces::with_room_for(tokens.len()), HashSet::new());
        for (_, bytes) in tokens.iter() {
            match key(bytes, &(0..bytes.len())) {
                Some(key) => short.insert(key),
                None => drop(long.insert(bytes.into())),
            }
        }
        let merges = merges?;
        let chars = Chars::new(&tokens, &merges);
        Some(Self { tree: tree?, merges, chars, short, long })
    }

    /// How many tokens a piece is merged into.
    pub(super) fn merge(&self, scratch: &mut Scratch, path: &mut Path, piece: &[u8]) -> usize {
        let Self { tree, merges, chars, .. } = self;
        if !piece.is_ascii() {
            return chars.count(merges, scratch, piece, SHORT, |piece| tree.count(merges, path, piece));
        }
        match piece.len() <= SHORT {
            true => scratch.merge_bytes(&merges.pairs, &merges.bytes, piece),
            false => tree.count(merges, path, piece),
        }
    }

    /// Whether a piece of this key is a token.
    #[inline]
    pub(super) fn is_short_token(&self, key: u128) -> bool {
        self.short.contains(key)
    }

    /// Whether a piece that has no key is a token.
    pub(super) fn is_long_token(&self, piece: &[u8]) -> bool {
        piece.len() <= usize::from(u8::MAX) && self.long.contains(piece)
    }
}

impl Merges {
    fn new(tokens: &Tokens) -> Option<Self> {
        let mut bytes = [NONE; 256];
        for (token, text) in tokens.iter() {
            if let [byte] = text {
                bytes[usize::from(*byte)] = token;
            }
        }
        if bytes.contains(&NONE) {
            return None;
        }
        let halves = Vec::with_capacity(tokens.len());
        let mut merges = Self { bytes, pairs: Pairs::with_room_for(tokens.len()), halves };
        let mut scratch = Scratch::default();
        for (token, text) in tokens.iter() {
            // With all earlier tokens known, its bytes merge into the two that it is made of.
            let count = scratch.merge_bytes(&merges.pairs, &merges.bytes, text);
            let halves = if count == 2 { scratch.two() } else { (token, token) };
            if halves.0 != token {
                merges.pairs.insert(halves.0, halves.1, token);
            }
            if let [left, right] = *text {
                merges.pairs.insert_bytes(left, right, token);
            }
            merges.halves.push(halves);
        }
        Some(merges)
    }

    /// Whether two tokens can stand side by side: merging would not have made another one across their border. Undoes the
    /// merges of both sides, the latest first, and looks whether there was an earlier one to make.
    #[inline]
    pub(super) fn may_meet(&self, mut left: Token, mut right: Token) -> bool {
        let mut limit = NONE;
        loop {
            if self.pairs.get(left, right) < limit {
                return false;
            }
            if left > right {
                limit = left;
                left = self.halves[left as usize].1;
                if left == limit {
                    limit = right + 1;
                    right = self.halves[right as usize].0;
                    if right + 1 == limit {
                        return true;
                    }
                }
            } else {
                limit = right + 1;
                right = self.halves[right as usize].0;
                if right + 1 == limit {
                    limit = left;
                    left = self.halves[left as usize].1;
                    if left == limit {
                        return true;
                    }
                }
            }
        }
    }
}
