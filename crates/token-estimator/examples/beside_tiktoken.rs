//! Our counter beside `tiktoken-rs`, in turns on one core, over the corpus of the tests and over a batch file whose lines repeat a
//! system prompt; every count is compared. Then how long our counter takes for hostile texts, and how that grows.
//!
//! Ours is measured whole, from the JSON of a body to its count; of the reference only `count_ordinary`. Each round has a thread
//! of its own, and so begins with nothing remembered. The medians of all rounds are shown.
//!
//! `cargo run --release -p token-estimator --example beside_tiktoken [-- FILE...]` (texts of your own, too)

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "an example prints, and measures")]

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{
    json,
    value::{RawValue, to_raw_value},
};
use token_estimator::{EstimatorOptions, TiktokenEstimator, TokenEstimator};

#[path = "../tests/support/corpus.rs"]
mod corpus;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const ROUNDS: usize = 5;
/// Texts are measured in turns of this many.
const TURN: usize = 200;
const MEGABYTE: usize = 1_000_000;

/// Both took so long for the same texts.
struct Times {
    bytes: usize,
    ours: Duration,
    theirs: Duration,
}

fn main() -> Result<()> {
    let estimator = TiktokenEstimator::new(EstimatorOptions::default());
    let before = resident();
    let start = Instant::now();
    estimator.warm_up("gpt-4o");
    println!("our tables: {:?}, {:.0} MB", start.elapsed(), resident() - before);
    let before = resident();
    let start = Instant::now();
    let reference = tiktoken_rs::o200k_base_singleton();
    println!("the reference's: {:?}, {:.0} MB\n", start.elapsed(), resident() - before);

    let compare = |name: &str, texts: &[String]| -> Result<Times> {
        let times = measure(&estimator, reference, texts)?;
        say(name, &times);
        Ok(times)
    };
    let mut whole = Times { bytes: 0, ours: Duration::ZERO, theirs: Duration::ZERO };
    for kind in &corpus::KINDS {
        let times = compare(kind.name, &corpus::lines(kind, 4 * MEGABYTE))?;
        whole.bytes += times.bytes;
        whole.ours += times.ours;
        whole.theirs += times.theirs;
    }
    say("all of these", &whole);
    println!();
    for kind in &corpus::LIFELIKE {
        compare(kind.name, &corpus::lines(kind, 4 * MEGABYTE))?;
    }
    let system = &corpus::lines(&corpus::KINDS[0], 6_000).concat();
    let questions = corpus::lines(&corpus::KINDS[0], MEGABYTE / 2);
    let repeated: Vec<_> =
        questions.iter().flat_map(|line| [system.clone(), line.chars().take(300).collect()]).collect();
    compare("one system prompt on every line", &repeated)?;
    for file in std::env::args().skip(1) {
        let lines: Vec<_> = std::fs::read_to_string(&file)?.lines().map(str::to_owned).collect();
        compare(&file, &lines)?;
    }
    println!("\n{:32} {:>9} {:>9} {:>9}  twice as long takes", "hostile texts", "1 MB", "2 MB", "4 MB");
    for (name, make) in HOSTILE {
        let times = [1, 2, 4].map(|megabytes| hostile(&estimator, &make(megabytes * MEGABYTE)));
        let [one, two, four] = times.map(|time| time.map(|time| time.as_secs_f64() * 1e3));
        let (one, two, four) = (one?, two?, four?);
        println!("{name:32} {one:6.0} ms {two:6.0} ms {four:6.0} ms  {:.2}, {:.2}", two / one, four / two);
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
) -> Result<Times> {
    let bodies = texts.iter().map(|text| body(text)).collect::<Result<Vec<_>>>()?;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let round = thread::scope(|scope| {
            scope.spawn(|| round(estimator, reference, texts, &bodies)).join().map_err(|_| "a round panicked")
        });
        rounds.push(round??);
    }
    rounds.sort_by(|a, b| a.ratio().total_cmp(&b.ratio()));
    Ok(rounds.swap_remove(ROUNDS / 2))
}

fn round(
    estimator: &TiktokenEstimator,
    reference: &tiktoken_rs::CoreBPE,
    texts: &[String],
    bodies: &[Box<RawValue>],
) -> Result<Times> {
    let mut times = Times { bytes: 0, ours: Duration::ZERO, theirs: Duration::ZERO };
    for (texts, bodies) in texts.chunks(TURN).zip(bodies.chunks(TURN)) {
        let start = Instant::now();
        let theirs: Vec<_> = texts.iter().map(|text| reference.count_ordinary(text) as u64).collect();
        times.theirs += start.elapsed();
        let start = Instant::now();
        let ours: Vec<_> = bodies.iter().map(|body| estimator.count("gpt-4o", body).text_tokens).collect();
        times.ours += start.elapsed();
        for ((theirs, ours), text) in theirs.iter().zip(ours).zip(texts) {
            if *theirs != ours {
                return Err(format!("{ours} tokens, the reference has {theirs}: {text:?}").into());
            }
            times.bytes += text.len();
        }
    }
    Ok(times)
}

impl Times {
    fn ratio(&self) -> f64 {
        self.theirs.as_secs_f64() / self.ours.as_secs_f64()
    }
}

fn say(name: &str, times: &Times) {
    let megabytes = times.bytes as f64 / 1e6;
    let speed = |time: Duration| megabytes / time.as_secs_f64();
    let (ours, theirs, ratio) = (speed(times.ours), speed(times.theirs), times.ratio());
    println!(
        "{name:32} {megabytes:5.1} MB: ours {ours:6.1} MB/s, tiktoken-rs {theirs:5.1} MB/s, ratio {ratio:5.2}"
    );
}

/// Texts that are hard for one counter or another, of so many bytes.
type Hostile = (&'static str, fn(usize) -> String);

const HOSTILE: [Hostile; 16] = [
    ("a", |bytes| "a".repeat(bytes)),
    ("random small letters", |bytes| noise(bytes, 'a', 26)),
    ("random printable ASCII, no space", |bytes| noise(bytes, '!', 94)),
    ("base64", |bytes| noise(bytes, '0', 64)),
    ("-", |bytes| "-".repeat(bytes)),
    ("=-_ in turns", |bytes| "=-_".repeat(bytes / 3)),
    ("spaces", |bytes| " ".repeat(bytes)),
    ("tabs", |bytes| "\t".repeat(bytes)),
    ("line ends", |bytes| "\n".repeat(bytes)),
    ("no-break spaces", |bytes| "\u{a0}".repeat(bytes / 2)),
    ("digits", |bytes| noise(bytes, '0', 10)),
    ("one Han character", |bytes| "字".repeat(bytes / 3)),
    ("random Han characters", |bytes| noise(bytes / 3, '\u{4e00}', 20_000)),
    ("random Cyrillic letters", |bytes| noise(bytes / 2, 'а', 32)),
    ("random Latin-1", |bytes| noise(bytes / 2, '\u{a1}', 95)),
    ("combining marks", |bytes| "\u{301}".repeat(bytes / 2)),
];

/// So many random characters out of a range.
fn noise(length: usize, first: char, range: u32) -> String {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let code = u32::from(first) + (state >> 33) as u32 % range;
        char::from_u32(code).unwrap_or(first)
    };
    (0..length).map(|_| next()).collect()
}

/// How long a text takes that was not seen before: the median of some rounds.
fn hostile(estimator: &TiktokenEstimator, text: &str) -> Result<Duration> {
    let body = body(text)?;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        estimator.count("gpt-4o", &body);
        times.push(start.elapsed());
    }
    times.sort();
    Ok(times[ROUNDS / 2])
}

/// The memory of this process in megabytes; zero where that cannot be told.
fn resident() -> f64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|text| text.split(' ').nth(1)?.parse::<f64>().ok());
    pages.unwrap_or_default() * 4096.0 / 1e6
}
