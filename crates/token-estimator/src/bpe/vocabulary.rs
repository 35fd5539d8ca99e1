//! The tokens of an encoding, and which of them merge into which.

use std::{ops::Range, thread};

use super::{
    backtrack::{Path, Tree},
    chars::Chars,
    memo::Memo,
    merge::Scratch,
    pairs::Pairs,
    pieces::{Key, Pieces, key},
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
    pieces: Pieces,
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
        let merges = merges?;
        let chars = Chars::new(&tokens, &merges);
        Some(Self { tree: tree?, merges, chars, pieces: pieces(&tokens) })
    }

    /// How many tokens a piece of a text has.
    #[inline]
    pub(super) fn count(
        &self,
        memo: &mut Memo,
        scratch: &mut Scratch,
        path: &mut Path,
        text: &str,
        piece: Range<usize>,
    ) -> u64 {
        let Self { tree, merges, chars, .. } = self;
        let (text, bytes) = (text.as_bytes(), &text.as_bytes()[piece.clone()]);
        let count = if !bytes.is_ascii() {
            chars.count(merges, scratch, bytes, SHORT, |piece| tree.count(merges, path, piece))
        } else if let Some(key) = key(text, piece.start, piece.end) {
            memo.word(key, || match self.is_token(key) {
                true => 1,
                false => scratch.merge_bytes(&merges.pairs, &merges.bytes, bytes),
            })
        } else if bytes.len() <= SHORT {
            scratch.merge_bytes(&merges.pairs, &merges.bytes, bytes)
        } else {
            tree.count(merges, path, bytes)
        };
        count as u64
    }

    #[inline]
    fn is_token(&self, key: Key) -> bool {
        match key {
            Key::Short(key) => self.pieces.has_short(key),
            Key::Long(key) => self.pieces.has_long(key),
        }
    }
}

fn pieces(tokens: &Tokens) -> Pieces {
    let keys = || tokens.iter().filter_map(|(_, bytes)| key(bytes, 0, bytes.len()));
    let short = keys().filter(|key| matches!(key, Key::Short(_))).count();
    let mut pieces = Pieces::with_room_for(short, keys().count() - short);
    keys().for_each(|key| pieces.insert(key));
    pieces
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
            // A piece that is a token is not merged by the reference: here it must come to the same.
            let halves = match count {
                1 => (token, token),
                2 => scratch.two(),
                _ => return None,
            };
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
