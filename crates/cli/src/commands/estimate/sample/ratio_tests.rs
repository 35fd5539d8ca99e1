use super::*;

/// Numbers that look random and are always the same.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Between 0 and 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.share()).sum::<f64>() - 6.0
    }
}

/// Lines of very different lengths, of very different texts, one in `rare` unlike all others; some with tools.
fn population(spread: f64, rare: u64) -> Vec<Line> {
    let mut random = Random(5);
    (0..2_000)
        .map(|_| {
            let (bytes_per_token, usual) = match random.next() % rare {
                0 => (1.9, 3_000.0),
                kind if kind % 5 < 3 => (4.2, 1_500.0),
                kind if kind % 5 < 4 => (3.7, 6_000.0),
                _ => (2.9, 800.0),
            };
            let bytes = (usual * (spread * random.normal()).exp()).ceil();
            let tokens = (bytes / (bytes_per_token * (0.08 * random.normal()).exp())).ceil();
            let tools = if random.next().is_multiple_of(4) { 2_000.0 } else { 0.0 };
            Line {
                sizes: [bytes, tools, 10.0],
                tokens: [tokens, (tools / 4.4_f64).ceil(), 7.0],
                weight: f64::NAN,
            }
        })
        .collect()
}

fn sizes(lines: &[Line]) -> [f64; KINDS] {
    std::array::from_fn(|kind| lines.iter().map(|line| line.sizes[kind]).sum())
}

fn tokens(lines: &[Line]) -> f64 {
    lines.iter().map(|line| line.tokens.iter().sum::<f64>()).sum()
}

/// Draws as `Drawn` does.
fn draw(lines: &[Line], n: usize, random: &mut Random) -> Vec<Line> {
    let mut ranked: Vec<(f64, &Line)> =
        lines.iter().map(|line| (random.share() / line.sizes.iter().sum::<f64>(), line)).collect();
    ranked.select_nth_unstable_by(n, |one, other| one.0.total_cmp(&other.0));
    let limit = ranked[n].0;
    let weighed =
        |line: &Line| Line { weight: (limit * line.sizes.iter().sum::<f64>()).recip().max(1.0), ..*line };
    ranked[..n].iter().map(|(_, line)| weighed(line)).collect()
}

#[test]
fn the_interval_holds_the_truth_as_often_as_it_says() {
    for (spread, rare, n) in [(1.0, 10, 200), (1.0, 50, 200), (1.8, 10, 200), (1.8, 50, 500)] {
        let lines = population(spread, rare);
        let (sizes, truth) = (sizes(&lines), tokens(&lines));
        let mut random = Random(99);
        let (mut held, mut width, mut sum) = (0, 0.0, 0.0);
        for _ in 0..1_200 {
            let found = estimate(&draw(&lines, n, &mut random), sizes);
            let total = found.tokens.iter().sum::<f64>();
            held += u32::from((total - truth).abs() <= found.half_width);
            width += found.half_width / truth / 1_200.0;
            sum += total / truth / 1_200.0;
        }
        assert!(
            held >= 1_116,
            "{held} of 1200 intervals hold the truth (spread {spread}, rare {rare}, {n} lines)"
        );
        assert!(width < 0.05, "an interval that says nothing: {width}");
        assert!((sum - 1.0).abs() < 0.003, "off by {sum} on average");
    }
}

#[test]
fn what_is_in_proportion_to_size_is_told_exactly() {
    let line = |size: f64, weight| Line { sizes: [size, 0.0, 7.0], tokens: [size / 4.0, 0.0, 5.0], weight };
    let found = estimate(&[line(400.0, 3.0), line(80.0, 15.0), line(4_000.0, 1.0)], [8_000.0, 0.0, 133.0]);
    assert!((found.tokens[0] - 2_000.0).abs() < 1e-9 && (found.tokens[2] - 95.0).abs() < 1e-9, "{found:?}");
    assert!(found.half_width < 1e-9, "{found:?}");
}

#[test]
fn a_kind_that_was_not_met_has_the_common_ratio() {
    let line = Line { sizes: [400.0, 0.0, 0.0], tokens: [100.0, 0.0, 0.0], weight: 2.0 };
    assert_eq!(estimate(&[line, line], [1_600.0, 800.0, 0.0]).tokens, [400.0, 200.0, 0.0]);
}

#[test]
fn quantiles_are_those_of_the_tables() {
    for (freedom, table) in [(10.0, 2.228), (29.0, 2.045), (199.0, 1.972), (1e6, 1.960)] {
        assert!((quantile(freedom) - table).abs() < 0.002, "{freedom}");
    }
}
