//! The tokens of an encoding, and which of them merge into which.

use std::{ops::Range, thread};

use super::{
    backtrack::{Path, Tree},
    chars::Chars,
    memo::Memo,
    merge::Scratch,
    pairs::Pairs,
    pieces::{Key, Pieces, key, wide_key},
    tokens::{self, Entry, NONE, Token},
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
    /// Makes the tables of an encoding.
    pub(super) fn load(encoding: Encoding) -> Self {
        let tokens = tokens::read(encoding);
        // Loading is waited for, and most machines have a second core.
        thread::scope(|scope| {
            let tree = thread::Builder::new().spawn_scoped(scope, || Tree::new(&tokens));
            let merges = Merges::new(&tokens);
            let (chars, pieces) = (Chars::new(&tokens, &merges), pieces(&tokens));
            let tree = tree.ok().and_then(|tree| tree.join().ok()).unwrap_or_else(|| Tree::new(&tokens));
            Self { tree, merges, chars, pieces }
        })
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
        let Self { tree, merges, .. } = self;
        let (text, bytes) = (text.as_bytes(), &text.as_bytes()[piece.clone()]);
        let count = if !bytes.is_ascii() {
            match wide_key(text, piece.start, piece.end) {
                // A few characters are counted as fast as they are found.
                Some(key) if bytes.len() > 6 => {
                    memo.wide_word(key, || self.count_wide(None, scratch, path, text, piece))
                }
                Some(_) => self.count_wide(None, scratch, path, text, piece),
                None => self.count_wide(Some(memo), scratch, path, text, piece),
            }
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

    /// How many tokens a piece has that is not all of ASCII. The memo is for the parts of a long one.
    fn count_wide(
        &self,
        mut memo: Option<&mut Memo>,
        scratch: &mut Scratch,
        path: &mut Path,
        text: &[u8],
        piece: Range<usize>,
    ) -> usize {
        let Self { tree, merges, chars, .. } = self;
        let bytes = &text[piece.clone()];
        chars.count(&merges.bytes, scratch, bytes, |scratch, start, end| {
            let many = scratch.len();
            let mut merge = || match many <= SHORT {
                true => scratch.merge(&merges.pairs),
                false => tree.count(merges, path, &bytes[start..end]),
            };
            // A few are merged as fast as they are found.
            if many > 3
                && let Some(memo) = &mut memo
                && let Some(key) = wide_key(text, piece.start + start, piece.start + end)
            {
                return memo.wide_word(key, merge);
            }
            merge()
        })
    }

    #[inline]
    fn is_token(&self, key: Key) -> bool {
        match key {
            Key::Short(key) => self.pieces.has_short(key),
            Key::Long(key) => self.pieces.has_long(key),
        }
    }
}

fn pieces(tokens: &[Entry]) -> Pieces {
    let keys = || tokens.iter().filter_map(|entry| key(entry.bytes, 0, entry.bytes.len()));
    let short = keys().filter(|key| matches!(key, Key::Short(_))).count();
    let mut pieces = Pieces::with_room_for(short, keys().count() - short);
    keys().for_each(|key| pieces.insert(key));
    pieces
}

impl Merges {
    fn new(tokens: &[Entry]) -> Self {
        let longer = tokens.iter().filter(|entry| entry.bytes.len() > 1);
        let made = longer.map(|entry| (entry.halves.0, entry.halves.1, entry.token));
        let mut merges = Self {
            bytes: [NONE; 256],
            pairs: Pairs::new(tokens.len(), made),
            halves: vec![(NONE, NONE); tokens.len()],
        };
        for Entry { token, bytes, halves } in tokens.iter().copied() {
            merges.halves[token as usize] = halves;
            if let [byte] = bytes {
                merges.bytes[usize::from(*byte)] = token;
                continue;
            }
            if let [left, right] = *bytes {
                merges.pairs.insert_bytes(left, right, token);
            }
        }
        merges
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
