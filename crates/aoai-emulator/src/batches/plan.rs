//! Which line is done when, and what becomes of it: drawn once per batch, from the seed.

use std::{
    collections::HashMap,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
};

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};

use crate::{
    config::{Outcome, OutcomeRule},
    files::Scan,
};

/// The order in which lines are done, and their fates.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Indices of lines; result files have this order, which is not the input's.
    pub(crate) order: Vec<u32>,
    /// By index of the line: the number of the rule that decides, plus one; 0 = success.
    fates: Vec<u16>,
    rules: Vec<Outcome>,
}

/// In how many batches each (rule, `custom_id`) was hit so far.
#[derive(Debug, Default)]
pub(crate) struct Hits(HashMap<(usize, u64), u32>);

/// What the lines done so far add up to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) completed: usize,
    pub(crate) failed: usize,
}

impl Plan {
    /// `number` is the batch's own, so that two batches draw differently.
    pub(crate) fn draw(scan: &Scan, rules: &[OutcomeRule], seed: u64, number: u64, hits: &mut Hits) -> Self {
        let mut random = StdRng::seed_from_u64(seed ^ number.rotate_left(32));
        let count = u32::try_from(scan.lines.len()).unwrap_or(u32::MAX);
        let mut order: Vec<u32> = (0..count).collect();
        order.shuffle(&mut random);
        if count > 1 && order.is_sorted() {
            order.reverse();
        }
        let fates = scan
            .lines
            .iter()
            .map(|line| {
                let decides = rules.iter().enumerate().find(|(at, rule)| {
                    matches(rule, &line.custom_id, &mut random)
                        && hits.allow(*at, rule.times, &line.custom_id)
                });
                decides.map_or(0, |(at, _)| u16::try_from(at + 1).unwrap_or(u16::MAX))
            })
            .collect();
        Self { order, fates, rules: rules.iter().map(|rule| rule.outcome.clone()).collect() }
    }

    /// None = success.
    pub(crate) fn fate(&self, line: u32) -> Option<&Outcome> {
        let rule = self.fates.get(line as usize).copied().unwrap_or(0);
        usize::from(rule).checked_sub(1).and_then(|at| self.rules.get(at))
    }

    pub(crate) fn counts(&self, done: usize) -> Counts {
        let mut counts = Counts::default();
        for line in self.order.iter().take(done) {
            match self.fate(*line) {
                None | Some(Outcome::Duplicate | Outcome::StatusZero) => counts.completed += 1,
                Some(Outcome::Error { .. }) => counts.failed += 1,
                Some(Outcome::Missing) => {}
            }
        }
        counts
    }

    /// The lines that cost money among the first `done`.
    pub(crate) fn billed(&self, done: usize) -> impl Iterator<Item = u32> {
        let paid = |line: &u32| matches!(self.fate(*line), None | Some(Outcome::Duplicate));
        self.order.iter().copied().take(done).filter(paid)
    }
}

impl Hits {
    fn allow(&mut self, rule: usize, times: Option<u32>, custom_id: &str) -> bool {
        let Some(times) = times else { return true };
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(custom_id);
        let hit = self.0.entry((rule, hash)).or_default();
        *hit += 1;
        *hit <= times
    }
}

fn matches(rule: &OutcomeRule, custom_id: &str, random: &mut StdRng) -> bool {
    rule.custom_id_contains.as_deref().is_none_or(|part| custom_id.contains(part))
        && rule.fraction.is_none_or(|fraction| random.random::<f64>() < fraction)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::ScannedLine;

    fn scan(count: u32) -> Scan {
        let line = |number| ScannedLine {
            offset: 0,
            length: 0,
            number,
            custom_id: format!("line-{number}").into(),
            url: 0,
            fingerprint: 0,
        };
        Scan { lines: (1..=count).map(line).collect(), ..Scan::default() }
    }

    fn error() -> Outcome {
        Outcome::Error { status: 429, code: "x".into(), message: None }
    }

    #[test]
    fn the_order_is_a_shuffle_that_the_seed_decides() {
        let draw = |seed| Plan::draw(&scan(100), &[], seed, 1, &mut Hits::default()).order;
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let mut sorted = draw(1);
        assert_ne!(sorted, (0..100).collect::<Vec<_>>());
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn two_lines_never_keep_their_order() {
        for seed in 0..10 {
            assert_eq!(Plan::draw(&scan(2), &[], seed, 1, &mut Hits::default()).order, [1, 0]);
        }
    }

    #[test]
    fn fractions_are_about_right() {
        let rule =
            OutcomeRule { fraction: Some(0.3), custom_id_contains: None, times: None, outcome: error() };
        let plan = Plan::draw(&scan(1_000), &[rule], 7, 1, &mut Hits::default());
        let counts = plan.counts(1_000);
        assert!((200..400).contains(&counts.failed), "{counts:?}");
        assert_eq!(counts.completed + counts.failed, 1_000);
        assert_eq!(plan.billed(1_000).count(), counts.completed);
    }

    #[test]
    fn a_rule_with_times_lets_later_batches_pass() {
        let rule = OutcomeRule {
            fraction: None,
            custom_id_contains: Some("line-2".into()),
            times: Some(1),
            outcome: error(),
        };
        let mut hits = Hits::default();
        let mut failed =
            || Plan::draw(&scan(3), std::slice::from_ref(&rule), 7, 1, &mut hits).counts(3).failed;
        assert_eq!((failed(), failed()), (1, 0));
    }
}
