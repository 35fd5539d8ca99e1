//! Every count is the reference's, and nothing takes long.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic like the test")]

use proptest::prelude::*;
use serde_json::json;
use serde_json::value::to_raw_value;
use token_estimator::{EstimatorOptions, Provenance, TiktokenEstimator, TokenEstimator};

#[path = "support/corpus.rs"]
mod corpus;

/// A model of each encoding, and its reference.
fn encodings() -> [(&'static str, &'static tiktoken_rs::CoreBPE); 2] {
    [
        ("text-embedding-3-small", tiktoken_rs::cl100k_base_singleton()),
        ("gpt-4o", tiktoken_rs::o200k_base_singleton()),
    ]
}

fn count(model: &str, text: &str) -> u64 {
    let body = to_raw_value(&json!({ "input": text })).unwrap();
    let count = TiktokenEstimator::new(EstimatorOptions::default()).count(model, &body);
    if model == "gpt-4o" {
        // An input is a user's message, of which its frame is seven tokens.
        return count.prompt_tokens - 7;
    }
    assert_eq!(count.provenance, Provenance::Exact);
    count.prompt_tokens
}

fn assert_exact(text: &str) {
    for (model, reference) in encodings() {
        assert_eq!(count(model, text), reference.count_ordinary(text) as u64, "{model}: {text:?}");
    }
}

#[test]
fn each_line_of_a_corpus_counts_as_by_the_reference() {
    for kind in corpus::KINDS.iter().chain(&corpus::LIFELIKE) {
        for line in corpus::lines(kind, 2_700_000) {
            assert_exact(&line);
        }
    }
}

/// Each character of Unicode, in the places where its class matters.
#[test]
fn each_character_counts_as_by_the_reference() {
    let mut text = String::new();
    for character in '\0'..=char::MAX {
        if (character as u32).is_multiple_of(1024) && !text.is_empty() {
            assert_exact(&std::mem::take(&mut text));
        }
        // Unassigned planes say nothing new.
        if character < '\u{32000}' || character > '\u{e0000}' && character < '\u{e0200}' {
            text.extend(['a', character, 'B', character, '\'', 's', ' ', character, '1', '\n']);
        }
    }
}

#[test]
fn long_runs_count_as_by_the_reference() {
    for unit in ["a", " ", "\n", "\r\n", "-", "7", "字", " \n\t", "aé", "ab", "=", "Z", "\u{301}", "🤚", "./"]
    {
        for length in [1, 2, 3, 15, 16, 17, 63, 64, 65, 127, 128, 129, 1000, 4099] {
            assert_exact(&unit.repeat(length));
        }
    }
}

/// What a word may begin and end with depends on the classes of its characters only: here each meets each other one.
#[test]
fn each_sequence_of_classes_counts_as_by_the_reference() {
    let classes = ["A", "a", "É", "é", "ǅ", "字", "ʰ", "\u{301}", " ", "\u{3000}", "\n", "'s", "½", "-"];
    let mut sequences = vec![String::new()];
    for _ in 0..4 {
        let longer = |sequence: &String| classes.map(|class| format!("{sequence}{class}"));
        sequences = sequences.iter().flat_map(longer).collect();
        sequences.iter().for_each(|sequence| assert_exact(sequence));
    }
}

proptest! {
    #[test]
    fn any_text_counts_as_by_the_reference(
        text in "(\\PC{0,20}|[ \\n\\r\\ta-zA-Z0-9'/]{0,40}|\\p{Han}{0,9}|(['sStTlLdDmMvVrReEſ ]){0,9}|\\p{M}{0,3}|\\p{Lm}{0,3}|\\p{Lt}{0,3}){0,8}"
    ) {
        assert_exact(&text);
    }
}

/// Two megabytes of anything; twice as much may take a bit more than twice as long. The measure is generous, for a test must
/// not depend on what else the machine does; what is quadratic would take hours.
#[test]
#[expect(clippy::disallowed_methods, reason = "that it ends soon is what is tested")]
fn no_text_takes_long() {
    let started = std::time::Instant::now();
    for unit in ["a", " ", "\n", "-", "=", "7", "字", " \n", "é", "\u{301}", "aB", "ﷺ", "\0", "_-"] {
        let text = unit.repeat(2_000_000 / unit.len());
        for (model, _) in encodings() {
            assert!(count(model, &text) > 0);
        }
    }
    let noise: String = (0..1_000_000_u32)
        .map(|n| char::from(b'a' + (n.wrapping_mul(2_654_435_761) >> 27) as u8 % 26))
        .collect();
    assert!(count("gpt-4o", &noise) > 0);
    assert!(started.elapsed().as_secs() < 120, "{:?}", started.elapsed());
}

#[test]
fn a_text_that_comes_again_counts_the_same() {
    let system = "You are a helpful assistant. ".repeat(40);
    let (first, again) = (count("gpt-4o", &system), count("gpt-4o", &system));
    assert_eq!(first, again);
    // As long, with the same ends.
    let other = format!("{}X{}", &system[..500], &system[501..]);
    assert_exact(&other);
    assert_exact(&system);
}
