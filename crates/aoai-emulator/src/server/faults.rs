//! Faults as data: which requests, how often, and what goes wrong.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};

use super::Operation;

/// One fault to inject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// Which requests.
    #[serde(default, rename = "match")]
    pub matching: FaultMatch,
    /// What goes wrong.
    pub effect: FaultEffect,
    /// How many requests are hit; none = all.
    #[serde(default)]
    pub times: Option<u32>,
    /// How many matching requests are let through first.
    #[serde(default)]
    pub skip: u32,
}

/// Which requests a rule means: those for which all that is given holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FaultMatch {
    /// HTTP method.
    pub method: Option<String>,
    /// Operation.
    pub operation: Option<Operation>,
    /// Part of the path.
    pub path_contains: Option<String>,
    /// The share of those requests, from 0 to 1, drawn by the emulator's seed; none = all.
    pub fraction: Option<f64>,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultEffect {
    /// This answer instead of any effect.
    Status {
        /// HTTP status.
        code: u16,
        /// Body; an error envelope where absent.
        #[serde(default)]
        body: Option<String>,
        /// `retry-after` in seconds.
        #[serde(default)]
        retry_after: Option<u64>,
        /// Further headers.
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    /// Real milliseconds of waiting before the request is handled.
    Delay {
        /// How long.
        ms: u64,
    },
    /// The connection is reset before anything happens.
    ResetBefore,
    /// The request takes effect, then the connection is reset without an answer.
    ResetAfter,
    /// The request takes effect, and then its answer is this error.
    StatusAfter {
        /// HTTP status.
        code: u16,
    },
    /// The request takes effect, and its answer comes later.
    LateAnswer {
        /// Real milliseconds from the effect to the answer.
        ms: u64,
    },
    /// The connection is reset, and the request takes effect later: what a slow proxy on the way may do.
    Late {
        /// Real milliseconds from the reset to the effect.
        ms: u64,
    },
    /// The answer's body is cut after so many bytes.
    TruncateBody {
        /// How many bytes get through.
        bytes: usize,
    },
}

/// The rules and how often each has matched.
#[derive(Debug)]
pub(crate) struct FaultBook {
    rules: Vec<Armed>,
    random: StdRng,
}

#[derive(Debug)]
struct Armed {
    rule: FaultRule,
    seen: u32,
    hit: u32,
}

impl FaultBook {
    pub(crate) fn new(rules: Vec<FaultRule>, seed: u64) -> Self {
        let mut book = Self { rules: Vec::new(), random: StdRng::seed_from_u64(seed) };
        rules.into_iter().for_each(|rule| book.add(rule));
        book
    }

    pub(crate) fn add(&mut self, rule: FaultRule) {
        self.rules.push(Armed { rule, seen: 0, hit: 0 });
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// The rules and how many requests each has hit.
    pub(crate) fn rules(&self) -> Vec<(FaultRule, u32)> {
        self.rules.iter().map(|armed| (armed.rule.clone(), armed.hit)).collect()
    }

    /// What happens to this request, in the order of the rules. Delays combine; the first other effect is the last.
    pub(crate) fn strike(
        &mut self,
        method: &str,
        operation: Option<Operation>,
        path: &str,
    ) -> Vec<FaultEffect> {
        let mut effects = Vec::new();
        for armed in &mut self.rules {
            let exhausted = armed.rule.times.is_some_and(|times| armed.hit >= times);
            let matching = &armed.rule.matching;
            if exhausted || !matching.covers(method, operation, path) || !matching.draw(&mut self.random) {
                continue;
            }
            armed.seen += 1;
            if armed.seen <= armed.rule.skip {
                continue;
            }
            armed.hit += 1;
            let decides = !matches!(armed.rule.effect, FaultEffect::Delay { .. });
            effects.push(armed.rule.effect.clone());
            if decides {
                break;
            }
        }
        effects
    }
}

impl FaultMatch {
    fn covers(&self, method: &str, operation: Option<Operation>, path: &str) -> bool {
        self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self.operation.is_none_or(|wanted| operation == Some(wanted))
            && self.path_contains.as_deref().is_none_or(|part| path.contains(part))
    }

    fn draw(&self, random: &mut StdRng) -> bool {
        self.fraction.is_none_or(|fraction| random.random::<f64>() < fraction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(json: &str) -> FaultRule {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn skip_and_times_count_matching_requests_only() {
        let mut book = FaultBook::new(
            vec![rule(r#"{"match":{"operation":"get_batch"},"effect":"reset_after","skip":1,"times":1}"#)],
            0,
        );
        let mut strike = |operation| !book.strike("GET", Some(operation), "/").is_empty();
        assert!(!strike(Operation::GetFile));
        assert!(!strike(Operation::GetBatch));
        assert!(strike(Operation::GetBatch));
        assert!(!strike(Operation::GetBatch));
    }

    #[test]
    fn delays_combine_with_one_other_effect() {
        let mut book = FaultBook::new(
            vec![
                rule(r#"{"effect":{"delay":{"ms":1}}}"#),
                rule(r#"{"effect":{"status":{"code":503}}}"#),
                rule(r#"{"effect":"reset_before"}"#),
            ],
            0,
        );
        assert_eq!(book.strike("GET", None, "/").len(), 2);
    }

    #[test]
    fn a_fraction_is_about_right_and_the_same_for_the_same_seed() {
        let struck = |seed| {
            let mut book =
                FaultBook::new(vec![rule(r#"{"match":{"fraction":0.3},"effect":"reset_before"}"#)], seed);
            (0..1000).map(|_| !book.strike("GET", None, "/").is_empty()).collect::<Vec<_>>()
        };
        let hits = struck(1).into_iter().filter(|hit| *hit).count();
        assert!((250..350).contains(&hits), "{hits}");
        assert_eq!(struck(1), struck(1));
        assert_ne!(struck(1), struck(2));
    }

    #[test]
    fn every_part_of_a_match_must_hold() {
        let wanted: FaultMatch =
            serde_json::from_str(r#"{"method":"post","operation":"create_batch","path_contains":"/v1/"}"#)
                .unwrap();
        assert!(wanted.covers("POST", Some(Operation::CreateBatch), "/openai/v1/batches"));
        assert!(!wanted.covers("GET", Some(Operation::CreateBatch), "/openai/v1/batches"));
        assert!(!wanted.covers("POST", Some(Operation::UploadFile), "/openai/v1/batches"));
        assert!(!wanted.covers("POST", Some(Operation::CreateBatch), "/openai/batches"));
    }
}
