//! The bytes of the tokens.

/// A token by its rank: the order in which pairs are merged into it.
pub(super) type Token = u32;

/// No token.
pub(super) const NONE: Token = u32::MAX;

/// All tokens in order.
pub(super) struct Tokens {
    /// One after another, and where each one begins.
    text: Vec<u8>,
    starts: Vec<u32>,
}

impl Tokens {
    /// The tokens of these ranks, by whoever knows their bytes.
    pub(super) fn read(count: Token, bytes: impl Fn(Token) -> Option<Vec<u8>>) -> Option<Self> {
        let (mut text, mut starts) = (Vec::new(), vec![0]);
        for token in 0..count {
            text.extend(bytes(token)?);
            starts.push(u32::try_from(text.len()).ok()?);
        }
        Some(Self { text, starts })
    }

    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Each token and its bytes.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Token, &[u8])> {
        (0..).take(self.len()).map(|token| (token, self.bytes(token)))
    }

    #[inline]
    pub(super) fn bytes(&self, token: Token) -> &[u8] {
        let at = token as usize;
        &self.text[self.starts[at] as usize..self.starts[at + 1] as usize]
    }
}
