//! The longest token that a text begins with.

use super::tokens::{Entry, NONE};

/// The tokens as a tree. The children of a node stand one after another, and so do their bytes.
pub(super) struct Trie {
    nodes: Vec<Node>,
    /// The byte that leads to each node.
    bytes: Vec<u8>,
    /// The node of each beginning of two bytes; zero is the root, so it means none.
    pairs: Vec<u32>,
    /// The node of each character of three bytes: most scripts of Asia have no other.
    triples: Vec<u32>,
}

/// Where a character of three bytes stands among all of them.
#[inline]
fn triple(first: u8, second: u8, third: u8) -> Option<usize> {
    let bits = |byte: u8| usize::from(byte & 0x3f);
    let wide = (0xe0..0xf0).contains(&first) && second & 0xc0 == 0x80 && third & 0xc0 == 0x80;
    wide.then(|| usize::from(first & 0x0f) << 12 | bits(second) << 6 | bits(third))
}

#[derive(Clone, Copy)]
struct Node {
    first_child: u32,
    children: u16,
    /// The token that ends here.
    token: u32,
}

impl Trie {
    /// Of tokens in the order of their bytes.
    pub(super) fn new(sorted: &[Entry]) -> Self {
        let mut trie = Self {
            nodes: vec![Node { first_child: 0, children: 0, token: NONE }],
            bytes: vec![0],
            pairs: vec![0; 1 << 16],
            triples: vec![0; 1 << 16],
        };
        // Breadth first, so that siblings are neighbours: a node, its depth, and the tokens below it.
        let mut open = std::collections::VecDeque::from([(0_usize, 0_usize, sorted)]);
        while let Some((node, depth, mut below)) = open.pop_front() {
            if let Some((entry, rest)) = below.split_first()
                && entry.bytes.len() == depth
            {
                trie.nodes[node].token = entry.token;
                below = rest;
            }
            trie.nodes[node].first_child = trie.nodes.len() as u32;
            while let Some(Entry { bytes: token, .. }) = below.first() {
                let byte = token[depth];
                let (same, rest) = below.split_at(below.partition_point(|other| other.bytes[depth] == byte));
                let child = trie.nodes.len();
                if depth == 1 {
                    let first = usize::from(token[0]);
                    trie.pairs[first << 8 | usize::from(byte)] = child as u32;
                }
                if depth == 2
                    && let Some(at) = triple(token[0], token[1], byte)
                {
                    trie.triples[at] = child as u32;
                }
                trie.nodes.push(Node { first_child: 0, children: 0, token: NONE });
                trie.bytes.push(byte);
                trie.nodes[node].children += 1;
                open.push_back((child, depth + 1, same));
                below = rest;
            }
        }
        trie
    }

    /// The longest token at the beginning of a text that is not empty. There is one, for each byte is one.
    #[inline]
    pub(super) fn longest(&self, text: &[u8], bytes: &[u32; 256]) -> u32 {
        let mut longest = bytes[usize::from(text[0])];
        let Some(second) = text.get(1) else { return longest };
        let mut at = self.pairs[usize::from(text[0]) << 8 | usize::from(*second)] as usize;
        if at == 0 {
            return longest;
        }
        let mut rest = &text[2..];
        // What the first two bytes are alone is of no use where the third one leads on to a token.
        if let Some((third, tail)) = rest.split_first()
            && let Some(character) = triple(text[0], *second, *third)
            && let node = self.triples[character] as usize
            && node != 0
            && self.nodes[node].token != NONE
        {
            (at, rest) = (node, tail);
        }
        loop {
            let Node { first_child, children, token } = self.nodes[at];
            if token != NONE {
                longest = token;
            }
            let (first, children) = (first_child as usize, usize::from(children));
            let Some((byte, tail)) = rest.split_first() else { return longest };
            let siblings = &self.bytes[first..first + children];
            let Some(child) = place(siblings, *byte) else { return longest };
            (at, rest) = (first + child, tail);
        }
    }
}

#[inline]
fn place(siblings: &[u8], byte: u8) -> Option<usize> {
    if siblings.len() > 8 { memchr::memchr(byte, siblings) } else { siblings.iter().position(|s| *s == byte) }
}
