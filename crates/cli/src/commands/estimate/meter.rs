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
    room: usize,
}

struct Sample {
    population: Population,
    drawn: Drawn<(BodySizes, Line)>,
    /// Bytes of the bodies that are kept.
    kept: usize,
}

/// A line that may be in the sample. Most are driven out again, so as many as there is room for wait to be counted.
enum Line {
    Waiting { model: String, body: Box<RawValue> },
    Counted(TokenCount),
}

/// Room for bodies that wait.
const ROOM: usize = 64 << 20;

impl Line {
    fn kept(&self) -> usize {
        match self {
            Self::Waiting { body, .. } => body.get().len(),
            Self::Counted(_) => 0,
        }
    }
}

impl Meter {
    /// Counts every line, or those that are drawn.
    pub(super) fn new(estimator: TiktokenEstimator, draw: Option<Draw>) -> Self {
        let sample = |draw| Sample { population: Population::default(), drawn: Drawn::new(draw), kept: 0 };
        Self {
            estimator,
            tokens: Mutex::new(Tokens::ZERO),
            sample: draw.map(|draw| Mutex::new(sample(draw))),
            room: ROOM,
        }
    }

    /// The tokens of all lines; and how far they may be from the truth, unless every line was counted.
    pub(super) fn finish(&self) -> (Tokens, Option<Margin>) {
        let tokens = *locked(&self.tokens);
        let Some(sample) = &self.sample else { return (tokens, None) };
        let Sample { population, drawn, .. } = &mut *locked(sample);
        let counted = drawn.take().into_iter().map(|((sizes, line), weight)| match line {
            Line::Waiting { model, body } => ((sizes, self.estimator.count(&model, &body)), weight),
            Line::Counted(count) => ((sizes, count), weight),
        });
        extrapolate(tokens, population, &counted.collect::<Vec<_>>())
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
            let Sample { population, drawn, kept } = &mut *locked(sample);
            let size = population.add(&sizes);
            drawn.draw(body.get().as_bytes(), size).map(|rank| (rank, *kept + body.get().len() <= self.room))
        };
        let Some((rank, has_room)) = rank else { return known };
        let line = if has_room {
            Line::Waiting { model: model.to_owned(), body: body.to_owned() }
        } else {
            Line::Counted(self.estimator.count(model, body))
        };
        let Sample { drawn, kept, .. } = &mut *locked(sample);
        *kept += line.kept();
        if let Some((_, line)) = drawn.add(rank, (sizes, line)) {
            *kept -= line.kept();
        }
        known
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
    fn a_line_that_finds_no_room_is_counted_at_once_and_the_same() {
        let bodies = bodies();
        let found = [ROOM, 20_000, 0].map(|room| {
            let draw = Some(Share::Lines(200).draw(0, 1));
            let meter = Meter { room, ..Meter::new(TiktokenEstimator::default(), draw) };
            for body in &bodies {
                meter.count("gpt-4o", body);
                assert!(locked(meter.sample.as_ref().unwrap()).kept <= room);
            }
            meter.finish()
        });
        assert!(found[0] == found[1] && found[0] == found[2], "{found:?}");
    }

    #[test]
    fn a_sample_of_all_is_the_count() {
        let bodies = &bodies()[..200];
        assert_eq!(finished(Some(Share::Lines(200).draw(0, 1)), bodies), finished(None, bodies));
    }
}
