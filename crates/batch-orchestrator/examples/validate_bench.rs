//! How fast validation is, beside what it cannot be faster than. The steps take turns, so that other programs
//! disturb all of them alike.
//!
//! Run it: `cargo run --release -p batch-orchestrator --example validate_bench` (or with MB, rounds and a part of the
//! names of the steps, such as `50 3 "validate, "`)

#![expect(clippy::print_stdout, reason = "a bench shows what it measured")]

use std::{collections::BTreeMap, error::Error, fmt::Write, hint::black_box, num::NonZeroUsize};

use aoai_batch_client::{JsonLines, LineItem};
use batch_orchestrator::{
    LimitOptions,
    validate::{Rules, Threads, Validator, Verdict, validate_chunks},
};
use bytes::Bytes;
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};
use token_estimator::{EstimatorOptions, TiktokenEstimator, TokenEstimator};
use tokio::time::Instant;

const CHUNK: usize = 1 << 20;
const HASH: &str = "hash (SHA-256)";
const HERE: &str = "validate, on the caller's thread, hash included";
const MODEL: &str = "gpt-4o-mini";

/// Makes a file of so many bytes.
type Make = fn(usize) -> Vec<u8>;
/// A step, by its name.
type Step<'a> = (&'static str, Box<dyn Fn() -> u64 + 'a>);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let size = arguments.next().map_or(Ok(200), |text| text.parse::<usize>())? * 1_000_000;
    let rounds = arguments.next().map_or(Ok(5), |text| text.parse::<usize>())?;
    let wanted = arguments.next().unwrap_or_default();
    let estimator = TiktokenEstimator::new(EstimatorOptions::default());
    estimator.warm_up(MODEL);
    let cores = Threads::default().count;
    println!("{} MB a file, MB/s: median and best of {rounds} rounds, {cores} cores", size / 1_000_000);
    let files: [(_, Make); 3] =
        [("mixed", mixed), ("same system prompt of 6 KB on every line", same_prompt), ("short lines", short)];
    for (name, make) in files {
        let file = make(size);
        println!("\n{name}, {} lines", file.iter().filter(|byte| **byte == b'\n').count());
        measure(&Bytes::from(file), rounds, &wanted, cores, &estimator);
    }
    println!("\nmost memory, the file included: {} MiB", most_memory().unwrap_or(0) >> 10);
    Ok(())
}

fn measure(file: &Bytes, rounds: usize, wanted: &str, cores: NonZeroUsize, estimator: &TiktokenEstimator) {
    let on = |estimator, count| move || validate(file, estimator, count);
    let mut steps: Vec<Step<'_>> = vec![
        ("read", Box::new(|| file.iter().fold(0, |sum: u64, byte| sum.wrapping_add(u64::from(*byte))))),
        ("lines", Box::new(|| lines(file, |_| ()))),
        ("parse only (IgnoredAny)", Box::new(|| lines(file, ignore))),
        (HASH, Box::new(|| hash(file))),
        (HERE, Box::new(|| validate_here(file, None))),
        ("validate, 1 thread, and one for the hash", Box::new(on(None, NonZeroUsize::MIN))),
        ("validate, all cores", Box::new(on(None, cores))),
        (
            "validate + count + plan, on the caller's thread",
            Box::new(|| validate_here(file, Some(estimator))),
        ),
        ("validate + count + plan, 1 thread", Box::new(on(Some(estimator), NonZeroUsize::MIN))),
        ("validate + count + plan, all cores", Box::new(on(Some(estimator), cores))),
    ];
    steps.retain(|(name, _)| name.contains(wanted));
    let mut times = vec![Vec::new(); steps.len()];
    for _ in 0..rounds {
        for ((_, step), times) in steps.iter().zip(&mut times) {
            let start = Instant::now();
            black_box(step());
            times.push(start.elapsed().as_secs_f64());
        }
    }
    let mut found = BTreeMap::new();
    let show = |name: &str, (median, best): (f64, f64)| {
        let speed = |time: f64| file.len() as f64 / 1e6 / time;
        println!("{:>9.0} {:>9.0}  {name}", speed(median), speed(best));
    };
    for ((name, _), times) in steps.iter().zip(&mut times) {
        times.sort_unstable_by(f64::total_cmp);
        let of_step = (times[times.len() / 2], times[0]);
        show(name, of_step);
        found.insert(*name, of_step);
    }
    if let (Some(here), Some(hash)) = (found.get(HERE), found.get(HASH)) {
        show("the same without the hash (worked out)", (here.0 - hash.0, here.1 - hash.1));
    }
}

fn chunks(file: &Bytes) -> impl Iterator<Item = Bytes> {
    (0..file.len()).step_by(CHUNK).map(|from| file.slice(from..file.len().min(from + CHUNK)))
}

fn lines(file: &Bytes, each: impl Fn(&[u8])) -> u64 {
    let mut lines = JsonLines::new(usize::MAX);
    let mut count = 0;
    for chunk in chunks(file) {
        lines.push(chunk);
        while let Some(LineItem::Line(line)) = lines.next_line() {
            each(&line.bytes);
            count += 1;
        }
    }
    count
}

fn ignore(line: &[u8]) {
    let _ = black_box(serde_json::from_slice::<IgnoredAny>(line));
}

fn rules() -> Rules {
    let limits = LimitOptions { split: true, ..LimitOptions::default() };
    Rules { batch_endpoint: "/chat/completions".into(), deployment: None, set_model: false, limits }
}

fn hash(file: &Bytes) -> u64 {
    u64::from(chunks(file).fold(Sha256::new(), Sha256::chain_update).finalize()[0])
}

fn validate_here(file: &Bytes, estimator: Option<&TiktokenEstimator>) -> u64 {
    let rules = rules();
    let mut validator = Validator::new(&rules, estimator.map(|estimator| estimator as &dyn TokenEstimator));
    for chunk in chunks(file) {
        black_box(validator.push(chunk));
    }
    outcome(validator.finish().0)
}

fn outcome(verdict: Verdict) -> u64 {
    match verdict {
        Verdict::Valid(plan) => plan.tokens.quota,
        Verdict::Invalid(report) => panic!("the file of the bench is valid: {:?}", report.findings),
    }
}

fn validate(file: &Bytes, estimator: Option<&TiktokenEstimator>, count: NonZeroUsize) -> u64 {
    let rules = rules();
    let threads = Threads { count, ..Threads::default() };
    let estimator = estimator.map(|estimator| estimator as &dyn TokenEstimator);
    outcome(validate_chunks(chunks(file), &rules, estimator, threads, |block| drop(black_box(block))))
}

/// Prose with numbers, names and other scripts: a vocabulary of made-up words, the short ones more often.
fn text(random: &mut SmallRng, words: &[String], length: usize) -> String {
    let mut text = String::with_capacity(length + 16);
    while text.len() < length {
        let rare: f64 = random.random();
        text.push_str(&words[(rare * rare * rare * words.len() as f64) as usize]);
        text.push_str(match random.random_range(0..40) {
            0 => ".\\n",
            1 => ". ",
            2 => ", ",
            3 => " \\\"",
            4 => ": 1,204 ",
            5 => " 日本語の文 ",
            _ => " ",
        });
    }
    text
}

fn words(random: &mut SmallRng) -> Vec<String> {
    const SYLLABLES: [&str; 16] =
        ["ta", "re", "ing", "con", "mu", "el", "or", "st", "an", "pli", "de", "ver", "qu", "so", "tion", "ä"];
    let word = |n: usize, random: &mut SmallRng| {
        (0..=n.ilog2() / 4).map(|_| SYLLABLES[random.random_range(0..SYLLABLES.len())]).collect()
    };
    (1..20_000).map(|n| word(n, random)).collect()
}

fn mixed(size: usize) -> Vec<u8> {
    let mut random = SmallRng::seed_from_u64(1);
    let words = words(&mut random);
    fill(size, |n, file| {
        let length = 200 << random.random_range(0..6);
        let text = text(&mut random, &words, length);
        let _ = match n % 4 {
            0 => write!(file, r#"{{"role":"user","content":[{{"type":"text","text":"{text}"}}]}}"#),
            _ => write!(file, r#"{{"role":"user","content":"{text}"}}"#),
        };
    })
}

fn short(size: usize) -> Vec<u8> {
    let mut random = SmallRng::seed_from_u64(3);
    let words = words(&mut random);
    fill(size, |_, file| {
        let length = random.random_range(50..250);
        let _ = write!(file, r#"{{"role":"user","content":"{}"}}"#, text(&mut random, &words, length));
    })
}

fn same_prompt(size: usize) -> Vec<u8> {
    let mut random = SmallRng::seed_from_u64(2);
    let words = words(&mut random);
    let prompt = text(&mut random, &words, 6 << 10);
    fill(size, |_, file| {
        let text = text(&mut random, &words, 400);
        let _ =
            write!(file, r#"{{"role":"system","content":"{prompt}"}},{{"role":"user","content":"{text}"}}"#);
    })
}

fn fill(size: usize, mut messages: impl FnMut(usize, &mut String)) -> Vec<u8> {
    let mut file = String::with_capacity(size + (64 << 10));
    for n in 0.. {
        if file.len() >= size {
            break;
        }
        let _ = write!(
            file,
            r#"{{"custom_id":"request-{n:06}","method":"POST","url":"/chat/completions","body":{{"model":"{MODEL}","temperature":0.2,"messages":["#
        );
        messages(n, &mut file);
        file.push_str("]}}\n");
    }
    file.into_bytes()
}

/// In KiB, where the system tells.
fn most_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
