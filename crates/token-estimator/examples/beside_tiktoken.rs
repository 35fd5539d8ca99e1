//! Our counter beside `tiktoken-rs`, in turns on one core, over the corpus of the tests and over a batch file whose lines repeat a
//! system prompt; every count is compared.
//!
//! `cargo run --release -p token-estimator --example beside_tiktoken [-- FILE...]` (texts of your own, too)

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "an example prints, and measures")]

use std::time::{Duration, Instant};

use serde_json::{
    json,
    value::{RawValue, to_raw_value},
};
use token_estimator::{EstimatorOptions, TiktokenEstimator, TokenEstimator};

#[path = "../tests/support/corpus.rs"]
mod corpus;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Texts are measured in turns of this many.
const TURN: usize = 200;

struct Total {
    bytes: usize,
    ours: Duration,
    theirs: Duration,
}

fn main() -> Result<()> {
    let start = Instant::now();
    let estimator = TiktokenEstimator::new(EstimatorOptions::default());
    estimator.count("gpt-4o", &body("hello")?);
    println!("our tables: {:?}", start.elapsed());
    let start = Instant::now();
    let reference = tiktoken_rs::o200k_base_singleton();
    println!("the reference's: {:?}\n", start.elapsed());
    let mut whole = Total { bytes: 0, ours: Duration::ZERO, theirs: Duration::ZERO };
    for kind in &corpus::KINDS {
        let total = measure(&estimator, reference, &corpus::lines(kind, 4_000_000))?;
        say(kind.name, &total);
        whole.bytes += total.bytes;
        whole.ours += total.ours;
        whole.theirs += total.theirs;
    }
    say("all of it", &whole);
    let system = &corpus::lines(&corpus::KINDS[0], 6_000).concat();
    let questions = corpus::lines(&corpus::KINDS[0], 500_000);
    let repeated: Vec<_> =
        questions.iter().flat_map(|line| [system.clone(), line.chars().take(300).collect()]).collect();
    say("one system prompt on every line", &measure(&estimator, reference, &repeated)?);
    for file in std::env::args().skip(1) {
        let lines: Vec<_> = std::fs::read_to_string(&file)?.lines().map(str::to_owned).collect();
        say(&file, &measure(&estimator, reference, &lines)?);
    }
    Ok(())
}

fn body(text: &str) -> Result<Box<RawValue>> {
    Ok(to_raw_value(&json!({ "messages": [{ "role": "user", "content": text }] }))?)
}

fn measure(
    estimator: &TiktokenEstimator,
    reference: &tiktoken_rs::CoreBPE,
    texts: &[String],
) -> Result<Total> {
    let mut total = Total { bytes: 0, ours: Duration::ZERO, theirs: Duration::ZERO };
    for turn in texts.chunks(TURN) {
        let start = Instant::now();
        let theirs: Vec<_> = turn.iter().map(|text| reference.count_ordinary(text) as u64).collect();
        total.theirs += start.elapsed();
        let bodies = turn.iter().map(|text| body(text)).collect::<Result<Vec<_>>>()?;
        let start = Instant::now();
        let ours: Vec<_> = bodies.iter().map(|body| estimator.count("gpt-4o", body).prompt_tokens).collect();
        total.ours += start.elapsed();
        for ((theirs, ours), text) in theirs.iter().zip(ours).zip(turn) {
            // Seven tokens are the frame of the message.
            if theirs + 7 != ours {
                return Err(format!("{ours} tokens, the reference has {theirs}: {text:?}").into());
            }
            total.bytes += text.len();
        }
    }
    Ok(total)
}

fn say(name: &str, total: &Total) {
    let speed = |time: Duration| total.bytes as f64 / 1e6 / time.as_secs_f64();
    println!(
        "{name:32} {:6.1} MB: ours {:6.1} MB/s, tiktoken-rs {:5.1} MB/s, ratio {:5.2}",
        total.bytes as f64 / 1e6,
        speed(total.ours),
        speed(total.theirs),
        speed(total.ours) / speed(total.theirs)
    );
}
