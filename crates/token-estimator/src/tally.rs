//! A count on its way up, with the worst provenance of its parts.

use crate::Provenance;

/// Tokens and how they were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) tokens: i64,
    pub(crate) provenance: Provenance,
}

impl Tally {
    /// No tokens yet.
    pub(crate) const ZERO: Self = Self { tokens: 0, provenance: Provenance::Exact };

    /// Tokens found in this way.
    pub(crate) fn new(tokens: i64, provenance: Provenance) -> Self {
        Self { tokens, provenance }
    }

    /// Tokens by a rule that is only near.
    pub(crate) fn rule(tokens: i64) -> Self {
        Self::new(tokens, Provenance::Rule)
    }

    /// The same tokens, found no better than this.
    pub(crate) fn at_best(self, provenance: Provenance) -> Self {
        Self::new(self.tokens, self.provenance.max(provenance))
    }
}

impl std::ops::Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self::new(self.tokens.saturating_add(other.tokens), self.provenance.max(other.provenance))
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl std::iter::Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::ZERO, |sum, tally| sum + tally)
    }
}
