//! Which lines are in the sample: decided by the lines themselves, so that it does not matter in which order they come.

use std::collections::{BinaryHeap, HashMap};

/// How many lines are drawn, and by which numbers that look random.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Draw {
    pub(super) lines: usize,
    pub(super) seed: u64,
}

/// A sample while it is drawn: a line's chance is in proportion to its size, and the largest are in it for certain
/// (sequential Poisson sampling). Equal chances would leave the few long lines, which make up most of a file, to luck.
#[derive(Debug)]
pub(in super::super) struct Drawn<T> {
    draw: Draw,
    /// How often a body was met: equal bodies are drawn one by one.
    met: HashMap<u64, u64>,
    /// The lines of the lowest ranks, one more than are drawn; the highest of them on top.
    lowest: BinaryHeap<Ranked<T>>,
}

/// A place in the order by which lines are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in super::super) struct Rank {
    rank: f64,
    size: f64,
}

#[derive(Debug)]
struct Ranked<T>(Rank, T);

impl<T> Ord for Ranked<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.rank.total_cmp(&other.0.rank)
    }
}

impl<T> PartialOrd for Ranked<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Ranked<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Ranked<T> {}

impl<T> Drawn<T> {
    pub(in super::super) fn new(draw: Draw) -> Self {
        Self { draw, met: HashMap::new(), lowest: BinaryHeap::new() }
    }

    /// Meets a line. If it may be in the sample: its rank, to be handed back with what was found out about the line.
    pub(in super::super) fn draw(&mut self, body: &[u8], size: u64) -> Option<Rank> {
        let digest = digest(self.draw.seed, body);
        let times = self.met.entry(digest).or_default();
        *times += 1;
        let chance = (mixed(digest ^ mixed(*times)) as f64 + 1.0) / (u64::MAX as f64 + 1.0);
        let size = size.max(1) as f64;
        let rank = Rank { rank: chance / size, size };
        self.is_low(rank).then_some(rank)
    }

    /// Takes what was found out about a line. Answers with what is not needed any more.
    pub(in super::super) fn add(&mut self, rank: Rank, value: T) -> Option<T> {
        if !self.is_low(rank) {
            return Some(value);
        }
        self.lowest.push(Ranked(rank, value));
        let is_over = self.lowest.len() > self.draw.lines.saturating_add(1);
        if is_over { self.lowest.pop().map(|highest| highest.1) } else { None }
    }

    /// The sample, with the number of lines that each line in it stands for.
    pub(in super::super) fn take(&mut self) -> Vec<(T, f64)> {
        let all = self.lowest.len() <= self.draw.lines;
        let limit =
            if all { f64::INFINITY } else { self.lowest.pop().map_or(f64::INFINITY, |next| next.0.rank) };
        // In order: sums of floats depend on it, and the order of arrival depends on threads.
        let sample = std::mem::take(&mut self.lowest).into_sorted_vec();
        sample.into_iter().map(|Ranked(rank, value)| (value, (limit * rank.size).recip().max(1.0))).collect()
    }

    fn is_low(&self, rank: Rank) -> bool {
        self.lowest.len() <= self.draw.lines
            || self.lowest.peek().is_some_and(|highest| rank.rank < highest.0.rank)
    }
}

/// A number that looks random and is always the same.
fn digest(seed: u64, bytes: &[u8]) -> u64 {
    let mut digest = mixed(seed ^ bytes.len() as u64);
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        digest = mixed(digest ^ u64::from_le_bytes(word));
    }
    digest
}

/// The step of the generator SplitMix64: every bit of the number changes about half of the result's.
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws from lines that are numbers, of this size.
    fn sample(draw: Draw, lines: impl Iterator<Item = u64>, size: impl Fn(u64) -> u64) -> Vec<(u64, f64)> {
        let mut drawn = Drawn::new(draw);
        for line in lines {
            if let Some(rank) = drawn.draw(line.to_string().as_bytes(), size(line)) {
                drawn.add(rank, line);
            }
        }
        drawn.take()
    }

    #[test]
    fn the_order_of_the_lines_does_not_matter_and_the_seed_does() {
        let draw = Draw { lines: 40, seed: 1 };
        let once = sample(draw, 0..5_000, |line| line);
        assert_eq!(once, sample(draw, (0..5_000).rev(), |line| line));
        assert_ne!(once, sample(Draw { seed: 2, ..draw }, 0..5_000, |line| line));
    }

    #[test]
    fn a_sample_has_the_size_that_was_asked_for() {
        for (lines, sampled) in [(0, 0), (1, 1), (199, 199), (200, 200), (201, 200), (5_000, 200)] {
            let sample = sample(Draw { lines: 200, seed: 7 }, 0..lines, |_| 9);
            assert_eq!(sample.len(), sampled);
            assert!(lines > 200 || sample.iter().all(|(_, weight)| *weight == 1.0), "{lines}");
        }
    }

    #[test]
    fn equal_lines_are_drawn_one_by_one() {
        let sample = sample(Draw { lines: 40, seed: 3 }, (0..4_000).map(|n| n % 2), |_| 5);
        let ones = sample.into_iter().map(|(line, _)| line).sum::<u64>();
        assert!((8..=32).contains(&ones), "{ones}");
    }

    #[test]
    fn chances_are_as_sizes_and_weights_undo_them() {
        let size = |line: u64| if line == 0 { 100_000 } else { 1 + line % 4 };
        let (mut times, mut lines, mut sizes) = ([0_u32; 4], 0.0, 0.0);
        for seed in 0..500 {
            let sample = sample(Draw { lines: 50, seed }, 0..1_000, size);
            assert!(sample.contains(&(0, 1.0)), "the largest is certain");
            for (line, weight) in sample.into_iter().filter(|(line, _)| *line > 0) {
                times[usize::try_from(line % 4).unwrap()] += 1;
                lines += weight / 500.0;
                sizes += weight * size(line) as f64 / 500.0;
            }
        }
        for (class, times) in times.into_iter().enumerate() {
            let share = f64::from(times) / (500.0 * 49.0);
            let fair = (1.0 + class as f64) / 10.0;
            assert!((share - fair).abs() < 0.01, "{share} for {fair}");
        }
        assert!((lines - 999.0).abs() < 20.0 && (sizes - 2_499.0).abs() < 20.0, "{lines}, {sizes}");
    }
}
