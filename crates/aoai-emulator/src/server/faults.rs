//! Faults as data: which requests, how often, and what goes wrong.

use std::collections::BTreeMap;

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
    /// The answer's body is cut after so many bytes.
    TruncateBody {
        /// How many bytes get through.
        bytes: usize,
    },
}

/// The rules and how often each has matched.
#[derive(Debug, Default)]
pub(crate) struct FaultBook(Vec<Armed>);

#[derive(Debug)]
struct Armed {
    rule: FaultRule,
    seen: u32,
    hit: u32,
}

impl FaultBook {
    pub(crate) fn new(rules: Vec<FaultRule>) -> Self {
        let mut book = Self::default();
        rules.into_iter().for_each(|rule| book.add(rule));
        book
    }

    pub(crate) fn add(&mut self, rule: FaultRule) {
        self.0.push(Armed { rule, seen: 0, hit: 0 });
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The rules and how many requests each has hit.
    pub(crate) fn rules(&self) -> Vec<(FaultRule, u32)> {
        self.0.iter().map(|armed| (armed.rule.clone(), armed.hit)).collect()
    }

    /// What happens to this request, in the order of the rules. Delays combine; the first other effect is the last.
    pub(crate) fn strike(
        &mut self,
        method: &str,
        operation: Option<Operation>,
        path: &str,
    ) -> Vec<FaultEffect> {
        let mut effects = Vec::new();
        for armed in &mut self.0 {
            let exhausted = armed.rule.times.is_some_and(|times| armed.hit >= times);
            if exhausted || !armed.rule.matching.covers(method, operation, path) {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(json: &str) -> FaultRule {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn skip_and_times_count_matching_requests_only() {
        let mut book = FaultBook::new(vec![rule(
            r#"{"match":{"operation":"get_batch"},"effect":"reset_after","skip":1,"times":1}"#,
        )]);
        let mut strike = |operation| !book.strike("GET", Some(operation), "/").is_empty();
        assert!(!strike(Operation::GetFile));
        assert!(!strike(Operation::GetBatch));
        assert!(strike(Operation::GetBatch));
        assert!(!strike(Operation::GetBatch));
    }

    #[test]
    fn delays_combine_with_one_other_effect() {
        let mut book = FaultBook::new(vec![
            rule(r#"{"effect":{"delay":{"ms":1}}}"#),
            rule(r#"{"effect":{"status":{"code":503}}}"#),
            rule(r#"{"effect":"reset_before"}"#),
        ]);
        assert_eq!(book.strike("GET", None, "/").len(), 2);
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
