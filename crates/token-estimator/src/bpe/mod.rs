//! A counter over the vocabularies of tiktoken: linear in any text, without recursion, and it allocates nothing that a text
//! can make large but a few bits and tokens for its longest piece.
//!
//! text → `split` into pieces → a piece is a token, was counted lately (`memo`), or is merged (`merge`, `backtrack`).

mod backtrack;
mod chars;
mod classes;
mod counter;
mod filter;
mod memo;
mod merge;
mod pairs;
mod pieces;
mod split;
mod tokens;
mod trie;
mod vocabulary;

pub(crate) use counter::{count, load};
