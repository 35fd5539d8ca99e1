//! From the counted lines of a file to the whole file.

use token_estimator::{BodySizes, TokenCount};

use super::{
    super::figures::{Margin, Tokens},
    ratio::{self, KINDS, Line},
};

/// What is known of all lines without counting.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct Population {
    lines: u64,
    sizes: [u64; KINDS],
}

impl Population {
    /// Meets a line; answers with the size that its chance is in proportion to.
    pub(in super::super) fn add(&mut self, line: &BodySizes) -> u64 {
        self.lines += 1;
        let sizes = sizes(line);
        for (sum, size) in self.sizes.iter_mut().zip(sizes) {
            *sum = sum.saturating_add(size);
        }
        sizes.into_iter().fold(0, u64::saturating_add)
    }
}

/// The tokens of all lines from those of some, and how far that may be from the truth; `known` has what needs no
/// counting. Where all lines were counted, their sum is the truth.
pub(in super::super) fn extrapolate(
    known: Tokens,
    population: &Population,
    sample: &[((BodySizes, TokenCount), f64)],
) -> (Tokens, Option<Margin>) {
    let mut counted = Tokens::ZERO;
    for ((_, count), _) in sample {
        counted.add(&(*count).into());
    }
    if sample.len() as u64 == population.lines {
        return (counted, None);
    }
    let line = |((line, count), weight): &((BodySizes, TokenCount), f64)| Line {
        sizes: sizes(line).map(|size| size as f64),
        tokens: [count.text_tokens, count.tool_tokens, count.overhead_tokens].map(|tokens| tokens as f64),
        weight: *weight,
    };
    let lines: Vec<Line> = sample.iter().map(line).collect();
    let found = ratio::estimate(&lines, population.sizes.map(|size| size as f64));
    let [text, tool, overhead] = found.tokens.map(|tokens| tokens.round() as u64);
    let margin = Margin {
        counted: sample.len() as u64,
        least: counted.prompt().saturating_sub(counted.image).saturating_add(known.image),
        half_width: found.half_width,
    };
    (Tokens { text, tool, overhead, provenance: counted.provenance, ..known }, Some(margin))
}

fn sizes(line: &BodySizes) -> [u64; KINDS] {
    [line.text_bytes, line.tool_bytes, line.overhead_bytes]
}
