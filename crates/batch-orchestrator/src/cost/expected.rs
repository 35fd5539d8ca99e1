//! What a part will cost, before it is known.

use super::{Prices, Usd};
use crate::model::TokenTotals;

/// Between which amounts the cost of a part is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// For the prompts alone.
    pub low: Usd,
    /// With answers as long as the requests allow; where they set no limit, as long as is assumed.
    pub high: Usd,
}

/// The cost of so many lines; `assumed`: tokens of an answer where its request sets no limit.
///
/// An amount that cannot be counted is `None`, as one without a price is.
#[must_use]
pub fn expected(prices: &Prices, tokens: &TokenTotals, lines: u64, assumed: u64) -> Option<Expected> {
    let most = tokens.max_output.unwrap_or_else(|| lines.saturating_mul(assumed));
    let range = prices.estimate(tokens.prompt, Some(most)).ok()?;
    Some(Expected { low: range.low, high: range.high? })
}

impl Usd {
    /// In billionths of a dollar, rounded up: what the ledger counts in.
    #[must_use]
    pub fn nanodollars(self) -> u64 {
        u64::try_from(self.picodollars().div_ceil(1000)).unwrap_or(u64::MAX)
    }

    /// So many billionths of a dollar.
    #[must_use]
    pub fn from_nanodollars(nanodollars: u64) -> Self {
        Self::from_picodollars(u128::from(nanodollars) * 1000)
    }
}
