//! Counts lines as they are validated, all of them or a sample.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::value::RawValue;
use token_estimator::{BodySizes, Provenance, TiktokenEstimator, TokenCount, TokenEstimator};

use super::{
    figures::{Margin, Tokens},
    sample::{Draw, Drawn, Population, extrapolate},
};

/// What stands in for the estimator while a file is validated.
///
/// # Assumptions
/// It is asked once for each line, in any order, from any thread.
pub(super) struct Meter {
    estimator: TiktokenEstimator,
    tokens: Mutex<Tokens>,
    sample: Option<Mutex<Sample>>,
}

struct Sample {
    population: Population,
    drawn: Drawn<(BodySizes, TokenCount)>,
}

impl Meter {
    /// Counts every line, or those that are drawn.
    pub(super) fn new(estimator: TiktokenEstimator, draw: Option<Draw>) -> Self {
        let sample = |draw| Sample { population: Population::default(), drawn: Drawn::new(draw) };
        Self {
            estimator,
            tokens: Mutex::new(Tokens::ZERO),
            sample: draw.map(|draw| Mutex::new(sample(draw))),
        }
    }

    /// The tokens of all lines; and how far they may be from the truth, unless every line was counted.
    pub(super) fn finish(&self) -> (Tokens, Option<Margin>) {
        let tokens = *locked(&self.tokens);
        let Some(sample) = &self.sample else { return (tokens, None) };
        let Sample { population, drawn } = &mut *locked(sample);
        extrapolate(tokens, population, &drawn.take())
    }

    fn count_if_drawn(&self, sample: &Mutex<Sample>, model: &str, body: &RawValue) -> TokenCount {
        let sizes = self.estimator.sizes(model, body);
        let known = TokenCount {
            prompt_tokens: sizes.image_tokens,
            text_tokens: 0,
            image_tokens: sizes.image_tokens,
            tool_tokens: 0,
            overhead_tokens: 0,
            max_output_tokens: sizes.max_output_tokens,
            quota_tokens: sizes.quota_tokens,
            provenance: Provenance::Exact,
        };
        locked(&self.tokens).add(&known.into());
        let rank = {
            let Sample { population, drawn } = &mut *locked(sample);
            let size = population.add(&sizes);
            drawn.draw(body.get().as_bytes(), size)
        };
        let Some(rank) = rank else { return known };
        let count = self.estimator.count(model, body);
        locked(sample).drawn.add(rank, (sizes, count));
        count
    }
}

impl TokenEstimator for Meter {
    fn count(&self, model: &str, body: &RawValue) -> TokenCount {
        if let Some(sample) = &self.sample {
            return self.count_if_drawn(sample, model, body);
        }
        let count = self.estimator.count(model, body);
        locked(&self.tokens).add(&count.into());
        count
    }

    fn provenance(&self, model: &str) -> Provenance {
        self.estimator.provenance(model)
    }
}

/// Sums are whole whatever panicked beside them.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
