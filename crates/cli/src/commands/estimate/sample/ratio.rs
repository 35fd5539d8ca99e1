//! From the tokens of a sample and the sizes of everything to the tokens of everything.

/// Kinds that are extrapolated one by one: texts, tools, framing.
pub(super) const KINDS: usize = 3;

/// A counted line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) sizes: [f64; KINDS],
    pub(super) tokens: [f64; KINDS],
    /// How many lines it stands for, itself included: one through the chance that it was drawn.
    pub(super) weight: f64,
}

/// Tokens of all lines.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Estimate {
    pub(super) tokens: [f64; KINDS],
    /// Half of the 95 % interval of their sum.
    pub(super) half_width: f64,
}

/// Extrapolates to lines with these `sizes` in all.
///
/// Each kind has a ratio of tokens to size of its own; a kind that the sample did not meet has that of all that it
/// met. The interval is that of the sum: what each line deviates from the ratios, corrected for the pull that the line
/// itself has on them. Lines that had to be in the sample add nothing to it.
pub(super) fn estimate(sample: &[Line], sizes: [f64; KINDS]) -> Estimate {
    let weighed = |of: fn(&Line) -> &[f64; KINDS]| -> [f64; KINDS] {
        std::array::from_fn(|kind| sample.iter().map(|line| line.weight * of(line)[kind]).sum())
    };
    let (met, has) = (weighed(|line| &line.sizes), weighed(|line| &line.tokens));
    let all_met: f64 = met.iter().sum();
    let common = if all_met > 0.0 { has.iter().sum::<f64>() / all_met } else { 0.0 };
    let ratios: [f64; KINDS] =
        std::array::from_fn(|kind| if met[kind] > 0.0 { has[kind] / met[kind] } else { common });
    let tokens = std::array::from_fn(|kind| ratios[kind] * sizes[kind]);

    let drawn: Vec<&Line> = sample.iter().filter(|line| line.weight > 1.0).collect();
    let squares: Vec<f64> = drawn
        .iter()
        .map(|line| {
            let deviation = |kind: usize| {
                let scale = if met[kind] > 0.0 { sizes[kind] / met[kind] } else { 1.0 };
                scale * (line.tokens[kind] - ratios[kind] * line.sizes[kind])
            };
            let pull = line.weight * line.sizes.iter().sum::<f64>() / all_met;
            let deviation = line.weight * (0..KINDS).map(deviation).sum::<f64>() / (1.0 - pull.min(0.9));
            (1.0 - line.weight.recip()) * deviation.powi(2)
        })
        .collect();
    let n = drawn.len() as f64;
    let variance = squares.iter().sum::<f64>() * n / (n - 1.0).max(1.0);
    Estimate { tokens, half_width: quantile(freedom(&squares)) * variance.sqrt() }
}

/// The degrees of freedom of a sum of squares: fewer, the more of it comes of a few.
fn freedom(squares: &[f64]) -> f64 {
    let n = squares.len() as f64;
    let sum: f64 = squares.iter().sum();
    let spread: f64 = squares.iter().map(|square| (square - sum / n).powi(2)).sum();
    let freedom = 2.0 * sum * sum / spread;
    // Squares that are all alike, or none at all, spread nothing.
    if freedom.is_finite() { freedom.min(n - 1.0).max(5.0) } else { (n - 1.0).max(5.0) }
}

/// The 97.5 % quantile of Student's t (Abramowitz and Stegun 26.7.5): within 0.02 from five degrees on, within 0.001 from ten.
fn quantile(freedom: f64) -> f64 {
    let z = 1.959_963_985_f64;
    let (z3, z5, z7) = (z.powi(3), z.powi(5), z.powi(7));
    z + (z3 + z) / (4.0 * freedom)
        + (5.0 * z5 + 16.0 * z3 + 3.0 * z) / (96.0 * freedom.powi(2))
        + (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * z) / (384.0 * freedom.powi(3))
}

#[cfg(test)]
#[path = "ratio_tests.rs"]
mod tests;
