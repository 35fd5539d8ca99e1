//! A count on its way up, by kind, with the worst provenance of its parts.

use crate::{Provenance, TokenCount};

/// Tokens of each kind and how they were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    text: i64,
    image: i64,
    tool: i64,
    overhead: i64,
    pub(crate) provenance: Provenance,
}

impl Tally {
    /// No tokens yet.
    pub(crate) const ZERO: Self =
        Self { text: 0, image: 0, tool: 0, overhead: 0, provenance: Provenance::Exact };

    /// Tokens of text.
    pub(crate) fn text(text: i64, provenance: Provenance) -> Self {
        Self { text, provenance, ..Self::ZERO }
    }

    /// Tokens of what stands around a text, as documented.
    pub(crate) fn overhead(overhead: i64) -> Self {
        Self { overhead, ..Self::ZERO }
    }

    /// The same tokens, as those of an image.
    pub(crate) fn as_image(self) -> Self {
        Self { image: self.tokens(), provenance: self.provenance, ..Self::ZERO }
    }

    /// The same tokens, as those of tools or schemas.
    pub(crate) fn as_tool(self) -> Self {
        Self { tool: self.tokens(), provenance: self.provenance, ..Self::ZERO }
    }

    /// The same tokens, as those of what stands around a text.
    pub(crate) fn as_overhead(self) -> Self {
        Self { overhead: self.tokens(), provenance: self.provenance, ..Self::ZERO }
    }

    /// The same tokens, found no better than this.
    pub(crate) fn at_best(self, provenance: Provenance) -> Self {
        Self { provenance: self.provenance.max(provenance), ..self }
    }

    /// The same tokens, by a rule that is only near.
    pub(crate) fn by_rule(self) -> Self {
        self.at_best(Provenance::Rule)
    }

    /// What the caller is told.
    pub(crate) fn into_count(self, quota_tokens: u64, max_output_tokens: Option<u64>) -> TokenCount {
        // A quarter of the greatest number: four of them can still be added.
        let sane = |tokens: i64| tokens.clamp(0, i64::MAX / 2).unsigned_abs();
        let (text_tokens, image_tokens) = (sane(self.text), sane(self.image));
        let (tool_tokens, overhead_tokens) = (sane(self.tool), sane(self.overhead));
        TokenCount {
            prompt_tokens: text_tokens + image_tokens + tool_tokens + overhead_tokens,
            text_tokens,
            image_tokens,
            tool_tokens,
            overhead_tokens,
            max_output_tokens,
            quota_tokens,
            provenance: self.provenance,
        }
    }

    fn tokens(self) -> i64 {
        [self.image, self.tool, self.overhead].into_iter().fold(self.text, i64::saturating_add)
    }
}

impl std::ops::Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            text: self.text.saturating_add(other.text),
            image: self.image.saturating_add(other.image),
            tool: self.tool.saturating_add(other.tool),
            overhead: self.overhead.saturating_add(other.overhead),
            provenance: self.provenance.max(other.provenance),
        }
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
