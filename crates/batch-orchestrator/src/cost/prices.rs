//! Prices of one model, and what comes of them.

use super::{Overflow, Price, Usd};

/// What the kinds of tokens of a model cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prices {
    /// Of the prompt.
    pub input: Price,
    /// Of the part of the prompt that the service had cached; `None`: like any other.
    pub cached_input: Option<Price>,
    /// Of the answer, what a model thinks before it included.
    pub output: Price,
}

/// What was paid, or would be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// For the prompt, as far as it was not cached.
    pub input: Usd,
    /// For the part of the prompt that was cached.
    pub cached_input: Usd,
    /// For the answer.
    pub output: Usd,
}

/// Between which amounts a cost will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CostRange {
    /// For the prompt alone, none of it cached.
    pub low: Usd,
    /// With the longest answers that the requests allow; `None` where one of them sets no limit.
    pub high: Option<Usd>,
}

impl Prices {
    /// What requests will cost: their prompts' tokens, and how many tokens they may be answered with if all of them
    /// say so.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn estimate(&self, prompt: u64, max_output: Option<u64>) -> Result<CostRange, Overflow> {
        let low = self.input.of(prompt);
        // Where output is free, as with embeddings, there is nothing that could be added.
        let most = max_output.or(self.output.is_zero().then_some(0));
        let high = most.map(|most| low.plus(self.output.of(most))).transpose()?;
        Ok(CostRange { low, high })
    }

    /// What requests did cost, by the service's own count; `cached` is a part of `prompt`.
    #[must_use]
    pub fn actual(&self, prompt: u64, cached: u64, completion: u64) -> Cost {
        let cached = cached.min(prompt);
        Cost {
            input: self.input.of(prompt - cached),
            cached_input: self.cached_input.unwrap_or(self.input).of(cached),
            output: self.output.of(completion),
        }
    }
}

impl Cost {
    /// All of it.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn total(&self) -> Result<Usd, Overflow> {
        self.input.plus(self.cached_input)?.plus(self.output)
    }
}

impl CostRange {
    /// Nothing.
    pub const ZERO: Self = Self { low: Usd::ZERO, high: Some(Usd::ZERO) };

    /// Both together; without an upper end where one has none.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn plus(self, other: Self) -> Result<Self, Overflow> {
        let high = match (self.high, other.high) {
            (Some(one), Some(other)) => Some(one.plus(other)?),
            _ => None,
        };
        Ok(Self { low: self.low.plus(other.low)?, high })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prices(input: f64, cached: Option<f64>, output: f64) -> Prices {
        let price = |usd| Price::per_million(usd).unwrap();
        Prices { input: price(input), cached_input: cached.map(price), output: price(output) }
    }

    #[test]
    fn a_range_ends_where_all_lines_say_how_much_they_may_answer() {
        let prices = prices(1.25, None, 5.0);
        let range = prices.estimate(1_000_000, Some(200_000)).unwrap();
        assert_eq!(
            (range.low.to_decimal(), range.high.unwrap().to_decimal()),
            ("1.25".into(), "2.25".into())
        );
        assert_eq!(prices.estimate(1_000_000, None).unwrap().high, None);
    }

    #[test]
    fn what_never_answers_has_an_end_anyway() {
        let range = prices(0.01, None, 0.0).estimate(500, None).unwrap();
        assert_eq!(range.high, Some(range.low));
    }

    #[test]
    fn cached_tokens_cost_their_own_price_or_the_common_one() {
        let cost = prices(0.625, Some(0.0625), 5.0).actual(1_000_000, 400_000, 10);
        assert_eq!(
            (cost.input.to_decimal(), cost.cached_input.to_decimal(), cost.output.to_decimal()),
            ("0.375".into(), "0.025".into(), "0.00005".into())
        );
        let plain = prices(0.625, None, 5.0);
        assert_eq!(plain.actual(90, 40, 3).total(), plain.actual(90, 0, 3).total());
        // A service that reports more cached than there was does not make the prompt negative.
        assert_eq!(plain.actual(90, 100, 3).total(), plain.actual(90, 90, 3).total());
    }

    #[test]
    fn sums_that_are_too_large_are_errors() {
        let most = CostRange { low: Usd::from_picodollars(u128::MAX), high: None };
        let some = CostRange { low: Usd::from_picodollars(1), high: None };
        assert_eq!(most.plus(some), Err(Overflow));
        assert_eq!(most.plus(CostRange::ZERO).unwrap().high, None);
        let cost = Cost { input: Usd::from_picodollars(u128::MAX), output: some.low, ..Cost::default() };
        assert_eq!(cost.total(), Err(Overflow));
    }

    proptest! {
        #[test]
        fn the_parts_make_the_whole(
            lines in proptest::collection::vec((0_u64..1 << 40, 0_u64..1 << 40, 0_u64..1 << 40), 0..20),
            input in 0_u32..100_000_000, cached in 0_u32..100_000_000, output in 0_u32..100_000_000,
        ) {
            let usd = |micros: u32| f64::from(micros) / 1e6;
            let prices = prices(usd(input), Some(usd(cached)), usd(output));
            let mut sum = Usd::ZERO;
            let mut range = CostRange::ZERO;
            let (mut prompt, mut of_cache, mut answer) = (0, 0, 0);
            for (a, b, c) in lines {
                sum = sum.plus(prices.actual(a + b, b, c).total().unwrap()).unwrap();
                range = range.plus(prices.estimate(a + b, Some(c)).unwrap()).unwrap();
                prompt += a + b;
                of_cache += b;
                answer += c;
            }
            prop_assert_eq!(prices.actual(prompt, of_cache, answer).total().unwrap(), sum);
            prop_assert_eq!(prices.estimate(prompt, Some(answer)).unwrap(), range);
        }

        #[test]
        fn more_tokens_never_cost_less(
            prompt in 0_u64..u64::MAX / 2, more in 0_u64..u64::MAX / 2, output in 0_u64..u64::MAX / 2,
            price in 0_u32..u32::MAX,
        ) {
            let prices = prices(f64::from(price) / 1e6, None, 4.4);
            let (less, all) = (prices.estimate(prompt, Some(output)).unwrap(),
                prices.estimate(prompt + more, Some(output + more)).unwrap());
            prop_assert!(less.low <= all.low && less.high <= all.high && less.low <= less.high.unwrap());
            let paid = |prompt| prices.actual(prompt, 0, output).total().unwrap();
            prop_assert!(paid(prompt) <= paid(prompt + more));
        }
    }
}
