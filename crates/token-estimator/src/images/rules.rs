//! The published rules for image tokens, and the models they hold for.

use super::ImageSize;

#[derive(Debug, Clone, Copy)]
enum Rule {
    /// A base, and as much for each tile of 512 pixels.
    Tiles { base: u32, tile: u32 },
    /// Patches of 32 pixels, at most `budget`, times a factor.
    Patches { factor: f64, budget: u32 },
}

const PATCHES: u32 = 1536;

/// By prefix of the model; the first that fits counts. From the OpenAI guide on images as of 2025-11, except for
/// `gpt-5-mini`, `gpt-5-nano` and `gpt-5.2` to `gpt-5.4`, which are what users were billed as of 2026-06.
const RULES: &[(&str, Rule)] = &[
    ("gpt-4o-mini", Rule::Tiles { base: 2833, tile: 5667 }),
    ("gpt-4.1-mini", Rule::Patches { factor: 1.62, budget: PATCHES }),
    ("gpt-4.1-nano", Rule::Patches { factor: 2.46, budget: PATCHES }),
    ("o4-mini", Rule::Patches { factor: 1.72, budget: PATCHES }),
    ("o1", Rule::Tiles { base: 75, tile: 150 }),
    ("o3", Rule::Tiles { base: 75, tile: 150 }),
    ("gpt-5-mini", Rule::Patches { factor: 1.2, budget: PATCHES }),
    ("gpt-5-nano", Rule::Patches { factor: 1.5, budget: PATCHES }),
    ("gpt-5.2", Rule::Patches { factor: 1.2, budget: 2500 }),
    ("gpt-5.3", Rule::Patches { factor: 1.2, budget: 2500 }),
    ("gpt-5.4", Rule::Patches { factor: 1.2, budget: 2500 }),
    ("gpt-5", Rule::Tiles { base: 70, tile: 140 }),
    ("computer-use-preview", Rule::Tiles { base: 65, tile: 129 }),
];

/// `gpt-4o`, `gpt-4.1`, `gpt-4.5`, the older ones, and those of which nothing is known.
const OTHERWISE: Rule = Rule::Tiles { base: 85, tile: 170 };

/// The tokens of an image of this size.
pub(crate) fn tokens(model: &str, size: ImageSize, low_detail: bool) -> i64 {
    let base_model = model.strip_prefix("ft:").unwrap_or(model);
    let found = RULES.iter().find(|(prefix, _)| base_model.starts_with(prefix));
    let tokens = match found.map_or(OTHERWISE, |(_, rule)| *rule) {
        Rule::Tiles { base, .. } if low_detail => f64::from(base),
        Rule::Tiles { base, tile } => f64::from(base) + f64::from(tile) * tiles(size),
        Rule::Patches { factor, budget } => (patches(size, budget) * factor).ceil(),
    };
    // Casts of floats saturate.
    tokens as i64
}

fn tiles(size: ImageSize) -> f64 {
    let (mut width, mut height) = (f64::from(size.width), f64::from(size.height));
    let mut shrink = |factor: f64| {
        if factor < 1.0 {
            (width, height) = (width * factor, height * factor);
        }
        (width, height)
    };
    let (w, h) = shrink(1.0);
    let (w, h) = shrink(2048.0 / w.max(h));
    let (w, h) = shrink(768.0 / w.min(h));
    // Rounded to whole pixels first: an inexact product must not open another tile.
    (w.round() / 512.0).ceil() * (h.round() / 512.0).ceil()
}

fn patches(size: ImageSize, budget: u32) -> f64 {
    let (width, height, budget) = (f64::from(size.width), f64::from(size.height), f64::from(budget));
    let all = (width / 32.0).ceil() * (height / 32.0).ceil();
    if all <= budget {
        return all;
    }
    let shrink = (32.0 * 32.0 * budget / (width * height)).sqrt();
    let (across, down) = (width * shrink / 32.0, height * shrink / 32.0);
    // Shrunk further until one side is whole patches. Very thin images keep at least one.
    let fit = (across.floor().max(1.0) / across).min(down.floor().max(1.0) / down);
    let whole = |side: f64| (side * fit - 1e-9).ceil().max(1.0);
    (whole(across) * whole(down)).min(budget)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(model: &str, width: u32, height: u32, low_detail: bool) -> i64 {
        tokens(model, ImageSize { width, height }, low_detail)
    }

    #[test]
    fn documented_examples() {
        assert_eq!(cost("gpt-4o", 1024, 1024, false), 765);
        assert_eq!(cost("gpt-4o", 2048, 4096, false), 1105);
        assert_eq!(cost("gpt-4o", 4096, 8192, true), 85);
        assert_eq!(patches(ImageSize { width: 1024, height: 1024 }, PATCHES), 1024.0);
        assert_eq!(patches(ImageSize { width: 1800, height: 2400 }, PATCHES), 1452.0);
    }

    #[test]
    fn measured_examples() {
        // 128 x 64 pixels with five words: 97 and 267 of which 12 are text.
        assert_eq!(cost("gpt-4o-2024-11-20", 128, 64, true), 85);
        assert_eq!(cost("gpt-4o-2024-11-20", 128, 64, false), 255);
        assert_eq!(cost("gpt-4o-mini", 128, 64, true), 2833);
        assert_eq!(cost("gpt-4o-mini", 128, 64, false), 8500);
        assert_eq!(cost("o3", 128, 64, true), 75);
        assert_eq!(cost("o3", 128, 64, false), 225);
    }

    #[test]
    fn odd_sizes_are_borne() {
        for model in ["gpt-4o", "gpt-4.1-mini"] {
            for (width, height) in [(0, 0), (1, 1), (u32::MAX, u32::MAX), (u32::MAX, 1), (1, u32::MAX)] {
                assert!((0..3_000).contains(&cost(model, width, height, false)), "{model} {width} {height}");
            }
        }
    }
}
