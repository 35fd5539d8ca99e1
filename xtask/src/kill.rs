//! `cargo xtask kill`: the release binary is killed at random moments, over and over, and nothing may be lost.
//!
//! The emulator runs in another process and keeps the books. A round is over when its files are done or its kills used
//! up; then it is brought to its end in peace and judged by what is in the lake and in the books.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use crate::{
    program::now,
    run::{self, Outcome},
    say,
};

mod database;
pub(crate) mod http;
mod judge;
mod options;
mod plan;
mod random;
mod restart;
mod round;
mod slot;
mod tree;
mod worker;

use database::Database;
use options::Ledger;
pub(crate) use options::Options;
use round::{Report, Rounds};

/// Kills in a round at the most; most rounds are done before.
const KILLS_OF_A_ROUND: usize = 30;
/// How many of the states and reasons are told.
const MOST_FREQUENT: usize = 16;
/// A series ends with these: what is wrong so often need not be looked for any longer.
const VIOLATIONS_AT_THE_MOST: usize = 5;

pub(crate) fn run(options: &Options) -> Outcome {
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => release()?,
    };
    say::line(&format!("seed {}", options.seed));
    let ledgers = match options.ledger {
        Some(ledger) => vec![(ledger, options.kills)],
        None => {
            let half = options.kills / 2;
            vec![(Ledger::Sqlite, options.kills - half), (Ledger::Postgres, half)]
        }
    };
    let mut violations = Vec::new();
    for (ledger, kills) in ledgers {
        violations.extend(series(options, &binary, ledger, kills)?);
    }
    match violations.len() {
        0 => Ok(()),
        _ => Err(format!("violated\n{}", violations.join("\n"))),
    }
}

/// The release binary, built.
pub(crate) fn release() -> Result<PathBuf, String> {
    run::succeed(run::cargo().args(["build", "--release", "-p", "aoai-batch-cli"]))?;
    let metadata = run::metadata()?;
    let target = metadata["target_directory"].as_str().ok_or("cargo metadata names no target directory")?;
    let name = format!("aoai-batch{}", std::env::consts::EXE_SUFFIX);
    Ok(Path::new(target).join("release").join(name))
}

/// Rounds until all kills are done; the violations.
fn series(options: &Options, binary: &Path, ledger: Ledger, kills: usize) -> Result<Vec<String>, String> {
    let database = match ledger {
        Ledger::Sqlite => None,
        Ledger::Postgres => Some(Database::start()?),
    };
    let mut violations = Vec::new();
    if ledger == Ledger::Sqlite && options.round.is_none() {
        violations.extend(restarts(binary, options.seed)?);
    }
    let rounds = Rounds { binary, seed: options.seed, ledger, database: database.as_ref() };
    let course = Course { left: kills, number: options.round.unwrap_or(0), violations, sum: Sum::default() };
    let course = Mutex::new(course);
    let lanes = if options.round.is_some() { 1 } else { ledger.lanes() };
    let start = now();
    thread::scope(|scope| {
        for _ in 0..lanes {
            scope.spawn(|| while Course::step(&course, &rounds) && options.round.is_none() {});
        }
    });
    let course = course.into_inner().unwrap_or_else(PoisonError::into_inner);
    course.sum.line_of_all(ledger, start.elapsed().as_secs_f64());
    Ok(course.violations)
}

/// How far a series is.
struct Course {
    left: usize,
    number: u64,
    violations: Vec<String>,
    sum: Sum,
}

impl Course {
    /// Plays one more round; whether there may be another.
    fn step(course: &Mutex<Self>, rounds: &Rounds<'_>) -> bool {
        let locked = || course.lock().unwrap_or_else(PoisonError::into_inner);
        let (number, kills) = {
            let mut course = locked();
            if course.left == 0 || course.violations.len() >= VIOLATIONS_AT_THE_MOST {
                return false;
            }
            let kills = course.left.min(KILLS_OF_A_ROUND);
            course.left -= kills;
            course.number += 1;
            (course.number - 1, kills)
        };
        let played = rounds.play(number, kills);
        let mut course = locked();
        match played {
            Ok(report) => {
                course.left += kills - report.kills.min(kills);
                course.sum.line(rounds.ledger, number, &report);
                if report.kills == 0 {
                    course.violations.push(format!("round {number} was over before anybody could be killed"));
                }
            }
            Err(why) => {
                say::error(&why);
                course.violations.push(why);
            }
        }
        true
    }
}

/// A restart gets on within its time.
fn restarts(binary: &Path, seed: u64) -> Result<Option<String>, String> {
    let times = restart::measure(binary, seed)?;
    let (median, most) = (times[times.len() / 2], times.last().copied().unwrap_or_default());
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    say::line(&format!(
        "restart after kill -9: first step in the ledger after {:.0} ms (median of {}), {:.0} ms at the most",
        ms(median),
        times.len(),
        ms(most)
    ));
    Ok((most > restart::MOST).then(|| format!("a restart did nothing for {:.0} ms", ms(most))))
}

/// Of all rounds.
#[derive(Default)]
struct Sum {
    kills: usize,
    rounds: usize,
    zombies: usize,
    gave_up: BTreeMap<String, usize>,
    leftovers: usize,
    restarts: usize,
    cuts: usize,
    by_state: BTreeMap<String, usize>,
}

impl Sum {
    fn line(&mut self, ledger: Ledger, number: u64, report: &Report) {
        let Report { tally, verdict, kills, seconds, shown } = report;
        self.kills += kills;
        self.rounds += 1;
        self.zombies += tally.zombies;
        self.leftovers += verdict.leftovers;
        self.restarts += tally.database_restarts;
        self.cuts += tally.database_cuts;
        for (sum, more) in [(&mut self.by_state, &tally.by_state), (&mut self.gave_up, &tally.gave_up)] {
            for (what, count) in more {
                *sum.entry(what.clone()).or_default() += count;
            }
        }
        say::line(&format!(
            "{} round {number} ({shown}): {kills} kills, {} of them zombies, {seconds:.1} s; {} batches, {} lines out, \
             {} in error, {} temporary files left",
            ledger.name(),
            tally.zombies,
            verdict.batches,
            verdict.output_lines,
            verdict.error_lines,
            verdict.leftovers
        ));
    }

    fn line_of_all(&self, ledger: Ledger, seconds: f64) {
        say::line(&format!(
            "{}: {} kills ({} zombies) in {} rounds, {seconds:.0} s, {:.1} a second; {} workers gave up, {} temporary \
             files left; database restarted {} times, cut off {} times",
            ledger.name(),
            self.kills,
            self.zombies,
            self.rounds,
            self.kills as f64 / seconds,
            self.gave_up.values().sum::<usize>(),
            self.leftovers,
            self.restarts,
            self.cuts
        ));
        say::line(&format!("  killed after: {}", by_count(&self.by_state)));
        if !self.gave_up.is_empty() {
            say::line(&format!("  gave up for: {}", by_count(&self.gave_up)));
        }
    }
}

/// The most frequent first.
fn by_count(counts: &BTreeMap<String, usize>) -> String {
    let mut counts: Vec<(&String, &usize)> = counts.iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    counts
        .iter()
        .take(MOST_FREQUENT)
        .map(|(what, count)| format!("{what}: {count}"))
        .collect::<Vec<_>>()
        .join(", ")
}
