//! What is found out about a file, and sums of it.

use batch_orchestrator::cost::{CostRange, Overflow, Prices};
use token_estimator::{Provenance, TokenCount};

/// Tokens by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) text: u64,
    pub(super) image: u64,
    pub(super) tool: u64,
    pub(super) overhead: u64,
    /// Of the answers at most; `None` where a line sets no limit.
    pub(super) max_output: Option<u64>,
    /// What the service counts against the quota.
    pub(super) quota: u64,
    /// The worst way in which a line was counted.
    pub(super) provenance: Option<Provenance>,
}

impl Tokens {
    /// None.
    pub(super) const ZERO: Self =
        Self { text: 0, image: 0, tool: 0, overhead: 0, max_output: Some(0), quota: 0, provenance: None };

    /// Of the prompts, all kinds.
    pub(super) fn prompt(&self) -> u64 {
        [self.image, self.tool, self.overhead].into_iter().fold(self.text, u64::saturating_add)
    }

    /// Adds others.
    pub(super) fn add(&mut self, other: &Self) {
        self.text = self.text.saturating_add(other.text);
        self.image = self.image.saturating_add(other.image);
        self.tool = self.tool.saturating_add(other.tool);
        self.overhead = self.overhead.saturating_add(other.overhead);
        self.quota = self.quota.saturating_add(other.quota);
        let both = self.max_output.zip(other.max_output);
        self.max_output = both.map(|(one, other)| one.saturating_add(other));
        self.provenance = self.provenance.max(other.provenance);
    }
}

impl From<TokenCount> for Tokens {
    fn from(count: TokenCount) -> Self {
        Self {
            text: count.text_tokens,
            image: count.image_tokens,
            tool: count.tool_tokens,
            overhead: count.overhead_tokens,
            max_output: count.max_output_tokens,
            quota: count.quota_tokens,
            provenance: Some(count.provenance),
        }
    }
}

/// How far a count of a sample may be from the truth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Margin {
    /// Lines that were counted.
    pub(super) counted: u64,
    /// What the counted lines alone have: it cannot be less.
    pub(super) least: u64,
    /// Half of the 95 % interval.
    pub(super) half_width: f64,
}

/// A file, or the sum of several.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Figures {
    pub(super) files: u64,
    pub(super) lines: u64,
    pub(super) tokens: Tokens,
    /// `None`: every line was counted.
    pub(super) margin: Option<Margin>,
    /// Of what has a price.
    pub(super) cost: CostRange,
    /// Files that have none.
    pub(super) unpriced: u64,
}

impl Figures {
    /// Nothing.
    pub(super) const ZERO: Self =
        Self { files: 0, lines: 0, tokens: Tokens::ZERO, margin: None, cost: CostRange::ZERO, unpriced: 0 };

    /// Of one file.
    pub(super) fn of_file(
        lines: u64,
        tokens: Tokens,
        margin: Option<Margin>,
        prices: Option<&Prices>,
    ) -> Result<Self, Overflow> {
        let mut figures = Self { files: 1, lines, tokens, margin, ..Self::ZERO };
        match prices {
            Some(prices) => {
                let (low, high) = figures.interval();
                figures.cost = CostRange {
                    low: prices.estimate(low, None)?.low,
                    high: prices.estimate(high, tokens.max_output)?.high,
                };
            }
            None => figures.unpriced = 1,
        }
        Ok(figures)
    }

    /// Adds others, which were drawn independently.
    pub(super) fn add(&mut self, other: &Self) -> Result<(), Overflow> {
        self.margin = match (self.margin, other.margin) {
            (None, None) => None,
            (one, two) => {
                let one = one.unwrap_or_else(|| self.all_counted());
                let two = two.unwrap_or_else(|| other.all_counted());
                Some(Margin {
                    counted: one.counted + two.counted,
                    least: one.least.saturating_add(two.least),
                    half_width: one.half_width.hypot(two.half_width),
                })
            }
        };
        self.files += other.files;
        self.lines += other.lines;
        self.unpriced += other.unpriced;
        self.tokens.add(&other.tokens);
        self.cost = self.cost.plus(other.cost)?;
        Ok(())
    }

    /// Between which numbers the prompt tokens are: with 95 % confidence, or certainly.
    pub(super) fn interval(&self) -> (u64, u64) {
        let prompt = self.tokens.prompt();
        let Some(margin) = self.margin else { return (prompt, prompt) };
        // Casts of floats saturate.
        let half = margin.half_width.ceil() as u64;
        (prompt.saturating_sub(half).max(margin.least), prompt.saturating_add(half))
    }

    fn all_counted(&self) -> Margin {
        Margin { counted: self.lines, least: self.tokens.prompt(), half_width: 0.0 }
    }
}
