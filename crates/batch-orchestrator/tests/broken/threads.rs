//! The same on one thread and on several.

use std::num::NonZeroUsize;

use batch_orchestrator::validate::{Threads, Verdict, validate_chunks};
use bytes::Bytes;
use serde_json::value::RawValue;
use token_estimator::{Provenance, TokenCount, TokenEstimator};

use crate::case::{Case, Outcome, good, joined};

fn threads(count: usize, block_bytes: u64) -> Threads {
    Threads { count: NonZeroUsize::new(count).expect("there is a thread"), block_bytes }
}

/// Validates on several threads, in chunks of a thousand bytes.
pub(crate) fn on_threads(case: &Case, threads: Threads) -> Outcome {
    let mut index = Vec::new();
    let chunks = case.bytes.chunks(1000).map(Bytes::copy_from_slice);
    let verdict = validate_chunks(chunks, &case.rules, case.estimator(), threads, |block| index.push(block));
    Outcome { verdict, index: joined(index) }
}

/// One thread, four, and four with every line a block of its own.
pub(crate) fn assert_same_on_all(case: &Case) -> Outcome {
    let whole = case.validate(usize::MAX);
    for spread in [threads(1, 1 << 20), threads(4, 1 << 12), threads(4, 1)] {
        let found = on_threads(case, spread);
        assert!(found == whole, "{}, {spread:?}: {:?} is not {:?}", case.name, found.verdict, whole.verdict);
    }
    whole
}

#[test]
fn each_broken_file_has_the_same_report_on_four_threads() {
    for case in crate::snapshot::all() {
        assert_same_on_all(&case);
    }
}

#[test]
fn all_broken_files_as_one_have_the_same_report_on_four_threads() {
    let cases = crate::snapshot::all();
    let lines = cases.iter().filter(|case| case.bytes.len() < 100_000).map(|case| &case.bytes[..]);
    let all = lines.collect::<Vec<_>>().join(&b'\n').repeat(3);
    let Verdict::Invalid(report) = assert_same_on_all(&Case::new("all", all).counted()).verdict else {
        panic!("all of them cannot be right")
    };
    assert!(report.total() > report.findings.len() as u64, "more than are listed: {:?}", report.counts);
}

/// Counts until it comes to a certain model.
struct Falls;

impl TokenEstimator for Falls {
    fn count(&self, model: &str, body: &RawValue) -> TokenCount {
        assert_ne!(model, "fatal", "the estimator falls");
        TokenCount {
            text_tokens: 1,
            image_tokens: 0,
            tool_tokens: 0,
            overhead_tokens: 0,
            max_output_tokens: Some(3),
            prompt_tokens: 1,
            quota_tokens: body.get().len() as u64,
            provenance: self.provenance(model),
        }
    }

    fn provenance(&self, _: &str) -> Provenance {
        Provenance::Estimate
    }
}

#[test]
fn a_panic_on_a_thread_is_the_callers_and_nothing_waits_for_ever() {
    let fatal = good("fatal").replace("\"m\"", "\"fatal\"");
    for at in [0, 3, 199] {
        let lines = (0..200).map(|n| if n == at { fatal.clone() } else { good(&format!("id-{n}")) });
        let case = Case::new("fatal", lines.collect::<String>());
        let run = || {
            let chunks = case.bytes.chunks(100).map(Bytes::copy_from_slice);
            validate_chunks(chunks, &case.rules, Some(&Falls), threads(4, 1), drop)
        };
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_err();
        let text = panic.downcast_ref::<String>().map_or("", String::as_str);
        assert!(text.contains("the estimator falls"), "line {at}: {text}");
    }
}
