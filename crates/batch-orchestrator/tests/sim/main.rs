//! The real pipeline in simulated worlds: time is virtual, chance is seeded, and everything goes wrong.
//!
//! The oracle looks after every mutation: no line is paid for twice, none is lost, no old lease writes, all ends well, and
//! nothing is left behind. A violation prints its seed and the command that shows the whole of it. `cargo xtask sim` runs all
//! of this, with as many seeds as one likes.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking, helpers included")]

mod api;
mod fate;
mod gate;
mod lake;
mod ledger;
mod oracle;
mod run;
mod scenario;
mod service;
mod urls;
mod world;

use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

use fate::{Fates, Odd};
use run::{Outcome, simulate};
use scenario::{Mutation, OneFault, Scenario};
use world::Violation;

#[expect(clippy::disallowed_methods, reason = "how to repeat a seed, and how many to try")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// `SIM_LOG=1` prints what happens.
fn log_wanted() -> bool {
    setting("SIM_LOG").is_some()
}

/// `SIM_SEEDS=FROM..TO`; a few where nobody asks.
fn seeds() -> std::ops::Range<u64> {
    let Some(text) = setting("SIM_SEEDS") else { return 0..100 };
    let range = text.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    range.unwrap_or_else(|| panic!("SIM_SEEDS={text}: expected FROM..TO"))
}

/// Every so many of a series: all where the compiler has done its best, else as many as a quick look has time for.
const fn every(nth: usize) -> usize {
    if cfg!(debug_assertions) { nth } else { 1 }
}

/// Lives through all of them on all cores, up to the first violation of this name.
fn all(scenarios: impl Iterator<Item = Scenario> + Send, name: &str) -> (u64, Option<Violation>) {
    let (scenarios, count, found) = (Mutex::new(scenarios), AtomicU64::new(0), Mutex::new(None));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while found.lock().unwrap().is_none() {
                    let Some(scenario) = scenarios.lock().unwrap().next() else { return };
                    if let Err(violation) = simulate(scenario)
                        && violation.0.contains(name)
                    {
                        found.lock().unwrap().get_or_insert(violation);
                    }
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    (count.into_inner(), found.into_inner().unwrap())
}

fn assert_holds(scenarios: impl Iterator<Item = Scenario> + Send) -> u64 {
    let (count, violation) = all(scenarios, "");
    assert!(violation.is_none(), "{}", violation.unwrap().0);
    count
}

fn golden() -> Outcome {
    simulate(Scenario::golden()).unwrap_or_else(|violation| panic!("{}", violation.0))
}

#[test]
fn the_same_seed_is_the_same_world() {
    assert_eq!(golden(), golden());
    for seed in 0..8 {
        let run = || simulate(Scenario::random(seed)).unwrap_or_else(|violation| panic!("{}", violation.0));
        assert_eq!(run(), run(), "seed {seed}");
    }
    assert_ne!(simulate(Scenario::random(1)).ok(), simulate(Scenario::random(2)).ok());
}

/// Each of the nine faults at each effect of a scenario, of which a test takes every n-th; answers with what the scenario came to
/// without them.
fn everywhere(scenario: impl Fn() -> Scenario + Sync, step: usize) -> Outcome {
    let golden = simulate(scenario()).unwrap_or_else(|violation| panic!("{}", violation.0));
    let points: Vec<_> = (0..golden.effects).flat_map(|at| OneFault::ALL.map(|fault| (at, fault))).collect();
    let number = points.len().div_ceil(every(step)) as u64;
    let with = |point| Scenario { at_effects: Some(vec![point]), ..scenario() };
    let tried = assert_holds(points.into_iter().step_by(every(step)).map(with));
    assert_eq!(tried, number);
    golden
}

#[test]
fn each_fault_at_each_effect_changes_nothing() {
    let golden = everywhere(Scenario::golden, 5);
    assert!(golden.effects > 100, "{golden:?}");
}

#[test]
fn each_fault_at_each_effect_changes_nothing_with_blobs() {
    let golden = everywhere(|| Scenario { blobs: true, ..Scenario::golden() }, 10);
    assert!(golden.effects > 100, "{golden:?}");
}

#[test]
fn each_fault_at_each_effect_changes_nothing_with_merged_files() {
    let golden = everywhere(Scenario::merged, 7);
    assert!(golden.effects > 80, "{golden:?}");
}

#[test]
fn each_fault_at_each_effect_changes_nothing_where_lines_need_more_than_one_try() {
    let golden = everywhere(Scenario::flaky, 9);
    assert!(golden.effects > 100, "{golden:?}");
}

#[test]
fn each_fault_at_each_effect_changes_nothing_where_everything_is_cancelled() {
    let golden = everywhere(Scenario::cancelled, 5);
    // One line is refused whatever happens.
    assert!(golden.effects > 50 && golden.error_lines > 1, "nothing was given up: {golden:?}");
}

#[test]
fn each_fault_at_each_effect_changes_nothing_where_batches_stall_and_files_are_late() {
    let golden = everywhere(Scenario::late, 19);
    assert!(golden.effects > 100 && golden.error_lines > 1, "nothing was given up: {golden:?}");
}

/// At the start, under way, and when everything is done but the last word: a worker waits, and does not give up.
#[test]
fn a_ledger_that_is_away_is_waited_for() {
    let minutes = |minutes| std::time::Duration::from_mins(minutes);
    for away in [0..2, 1..30, 10..70, 30..300] {
        let scenario = Scenario { ledger_away: minutes(away.start)..minutes(away.end), ..Scenario::golden() };
        let outcome = simulate(scenario).unwrap_or_else(|violation| panic!("{}", violation.0));
        assert_eq!(outcome.starts, 1, "away {away:?}");
    }
}

#[test]
fn each_pair_of_crashes_changes_nothing() {
    let effects = simulate(Scenario::small()).unwrap_or_else(|violation| panic!("{}", violation.0)).effects;
    assert!(effects > 30, "{effects}");
    let crashes = [OneFault::CrashBefore, OneFault::CrashAfter];
    // The second one may come up to a few restarts later.
    let pairs =
        (0..effects).flat_map(move |first| (first + 1..effects + 20).map(move |second| (first, second)));
    let kinds = move |(first, second)| {
        crashes.into_iter().flat_map(move |one| crashes.map(|other| vec![(first, one), (second, other)]))
    };
    let scenarios = pairs.flat_map(kinds).step_by(every(31));
    assert_holds(scenarios.map(|crashes| Scenario { at_effects: Some(crashes), ..Scenario::small() }));
}

/// All of a few, and all of many: nothing is sent again for ever, and every line has its error.
#[test]
fn where_every_line_fails_every_line_is_reported() {
    let fates = Fates { all_fail: true, rough: true, ..Fates::default() };
    assert_holds((0..30).map(|seed| Scenario { fates, ..Scenario::random(seed) }));
}

/// Nothing is lost and nothing paid twice where results are not what they should be; a person is asked.
#[test]
fn what_must_not_be_taken_is_not_taken() {
    for odd in [Odd::Extra, Odd::Duplicate, Odd::UnknownCode, Odd::Short] {
        assert_holds((0..40).map(|seed| Scenario::odd(seed, odd)));
    }
}

#[test]
fn random_seeds() {
    assert_holds(seeds().map(Scenario::random));
}

/// Without this part of the protocol there is a seed whose lines are paid for twice.
fn assert_pays_twice(mutation: Mutation) {
    let (tried, violation) = all((0..400).map(|seed| Scenario::stormy(seed).with(mutation)), "\nI1: ");
    assert!(violation.is_some(), "{mutation:?}: {tried} worlds, and nobody noticed");
}

#[test]
fn without_adoption_lines_are_paid_for_twice() {
    assert_pays_twice(Mutation::NoAdoption);
}

#[test]
fn without_the_fence_lines_are_paid_for_twice() {
    assert_pays_twice(Mutation::NoFence);
}

#[test]
fn without_the_settle_time_lines_are_paid_for_twice() {
    assert_pays_twice(Mutation::NoSettle);
}

#[test]
fn with_all_of_it_the_same_storms_do_no_harm() {
    assert_holds((0..100).map(Scenario::stormy));
}
