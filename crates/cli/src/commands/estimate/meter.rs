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

#[cfg(test)]
mod tests {
    use super::super::sample::Share;
    use super::*;

    /// Bodies of different lengths in different languages, some with tools, some with an image.
    fn bodies() -> Vec<Box<RawValue>> {
        let body = |n: usize| {
            let text = match n % 7 {
                0 => format!("数{n}は数である。").repeat(1 + n % 31),
                1 | 2 => format!("{n},{},{};", n * 7919, n * n).repeat(1 + n % 13),
                _ => {
                    format!("The {n}th line says hardly more than the one before it did. ").repeat(1 + n % 53)
                }
            };
            let mut body =
                serde_json::json!({ "messages": [{ "role": "user", "content": text }], "max_tokens": 3 });
            if n.is_multiple_of(5) {
                body["tools"] = serde_json::json!([{ "type": "function", "function": {
                    "name": "weather", "description": "The weather of a place", "parameters": { "type": "object",
                    "properties": { "place": { "type": "string" } } } } }]);
            }
            if n.is_multiple_of(11) {
                body["messages"][0]["content"] = serde_json::json!([{ "type": "text", "text": text },
                    { "type": "image_url", "image_url": { "url": "https://example.org/a.png", "detail": "low" } }]);
            }
            RawValue::from_string(body.to_string()).unwrap()
        };
        (0..600).map(body).collect()
    }

    fn finished(draw: Option<Draw>, bodies: &[Box<RawValue>]) -> (Tokens, Option<Margin>) {
        let meter = Meter::new(TiktokenEstimator::default(), draw);
        for body in bodies {
            meter.count("gpt-4o", body);
        }
        meter.finish()
    }

    #[test]
    fn what_is_told_of_a_sample_is_true_of_the_file() {
        let bodies = bodies();
        let (truth, none) = finished(None, &bodies);
        assert!(none.is_none() && truth.image > 0 && truth.tool > 0);
        let (mut held, mut mean) = (0, 0.0);
        for seed in 0..200 {
            let (found, margin) = finished(Some(Share::Lines(200).draw(0, seed)), &bodies);
            let margin = margin.unwrap();
            let off = found.prompt() as f64 - truth.prompt() as f64;
            held += u32::from(off.abs() <= margin.half_width);
            mean += off / truth.prompt() as f64 / 200.0;
            assert!(margin.least <= truth.prompt() && margin.counted == 200);
            assert_eq!(
                (found.image, found.max_output, found.quota),
                (truth.image, truth.max_output, truth.quota)
            );
        }
        assert!(held >= 184, "{held} of 200 intervals hold the truth");
        assert!(mean.abs() < 0.003, "off by {mean} on average");
    }

    #[test]
    fn a_sample_of_all_is_the_count() {
        let bodies = &bodies()[..200];
        assert_eq!(finished(Some(Share::Lines(200).draw(0, 1)), bodies), finished(None, bodies));
    }
}
