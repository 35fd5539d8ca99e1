//! One round: a lake and a service, workers that are killed, an end in peace, and the verdict.

use std::{
    fs,
    path::Path,
    sync::{Mutex, PoisonError, atomic::AtomicUsize},
    thread,
    time::Duration,
};

use serde_json::Value;

use super::{
    KILLS_OF_A_ROUND,
    database::Database,
    http,
    judge::{Evidence, Verdict, judge},
    options::Ledger,
    plan::Plan,
    random::Random,
    slot::{Arena, Tally},
    tree::{Lake, PLACES},
    worker::Program,
};
use crate::{emulator::Emulator, program::now, run::Outcome, scratch::Scratch};

/// Far more than a round's rest takes; one that hangs is a defect.
const PEACE: Duration = Duration::from_secs(120);
/// A claim of a worker that was killed ends before this.
const SHORT: Duration = Duration::from_secs(30);

/// What is needed for all rounds.
pub(super) struct Rounds<'a> {
    pub(super) binary: &'a Path,
    pub(super) seed: u64,
    pub(super) ledger: Ledger,
    pub(super) database: Option<&'a Database>,
}

/// What a round was.
pub(super) struct Report {
    pub(super) tally: Tally,
    pub(super) verdict: Verdict,
    pub(super) kills: usize,
    pub(super) seconds: f64,
    pub(super) shown: String,
}

impl Rounds<'_> {
    /// Plays the round of this number with at most so many kills. A violation keeps the directory.
    pub(super) fn play(&self, number: u64, kills: usize) -> Result<Report, String> {
        let scratch = Scratch::new("kill")?;
        let outcome = self.play_in(&scratch, number, kills);
        let (seed, ledger) = (self.seed, self.ledger.name());
        let why = match &outcome {
            Ok(report) if report.verdict.violations.is_empty() => return outcome,
            Ok(report) => report.verdict.violations.join("\n  "),
            Err(why) => why.clone(),
        };
        let kept = std::env::temp_dir().join(format!("aoai-batch-kill-{ledger}-{seed}-{number}"));
        // An earlier try of the same round.
        let _ = fs::remove_dir_all(&kept);
        let kept = match fs::rename(scratch.path(), &kept) {
            Ok(()) => kept.display().to_string(),
            Err(error) => format!("nowhere, for it cannot be moved to {}: {error}", kept.display()),
        };
        Err(format!(
            "round {number}:\n  {why}\nwhat it left is in {kept}\n\
             again: cargo xtask kill --ledger {ledger} --seed {seed} --round {number} --kills {kills}"
        ))
    }

    fn play_in(&self, scratch: &Scratch, number: u64, kills: usize) -> Result<Report, String> {
        let start = now();
        let mut random = Random::new(self.seed).fork(number);
        let plan = Plan::draw(&mut random);
        scratch.write("emulator.toml", &plan.settings)?;
        let settings = scratch.path().join("emulator.toml");
        let settings = settings.to_str().ok_or("the temporary directory has a name that is not UTF-8")?;
        let mut emulator = Emulator::start(self.binary, &["--settings", settings], &[])?;
        let lake = match plan.account {
            true => Lake::account(&emulator.ready),
            false => Lake::Local(scratch.path().to_owned()),
        };
        for (path, input) in &plan.inputs {
            lake.put(path, &input.text)?;
        }
        let url = self.database.map(Database::fresh).transpose()?;
        scratch.write("aoai-batch.toml", &plan.config(&emulator.ready, url.as_deref()))?;
        let program = Program::new(self.binary, scratch.path());

        let arena = Arena {
            program: &program,
            lake: &lake,
            database: self.database,
            left: AtomicUsize::new(kills),
            loses_ledger_at: self.loses_ledger(&mut random, kills),
            tally: Mutex::default(),
        };
        self.fight(&arena, &random)?;
        let tally = arena.tally.into_inner().unwrap_or_else(PoisonError::into_inner);
        emulator.runs()?;

        let manage = format!("{}/_emulator", emulator.ready.url);
        http::send("DELETE", &format!("{manage}/faults"), &[])?;
        let ended = program.finish(&["run", "--once"], &[0, 3], PEACE);
        let evidence = Evidence {
            ledger_lost: program.adopted.get().is_some(),
            inputs: plan.inputs.clone(),
            input: lake.read(PLACES[0])?,
            processed: lake.read(PLACES[1])?,
            error: lake.read(PLACES[2])?,
            books: http::json(&format!("{manage}/books"))?,
            state: http::json(&format!("{manage}/state"))?,
            status: program.finish(&["status"], &[0], SHORT)?,
        };
        emulator.runs()?;
        keep(scratch, &evidence, plan.account)?;
        let mut verdict = judge(&evidence);
        verdict.violations.extend(ended.err().map(|why| format!("the run in peace: {why}")));
        let lost = if evidence.ledger_lost { ", its ledger lost" } else { "" };
        let shown = plan.shown() + lost;
        let kills = tally.by_state.values().sum();
        Ok(Report { tally, verdict, kills, seconds: start.elapsed().as_secs_f64(), shown })
    }

    /// A file can be lost while its one worker is dead; it is in some rounds.
    fn loses_ledger(&self, random: &mut Random, kills: usize) -> Option<usize> {
        let drawn = random.between(1, KILLS_OF_A_ROUND as u64) as usize;
        (self.ledger == Ledger::Sqlite && drawn < kills && random.chance(30)).then(|| kills - drawn)
    }

    /// All places at once, each with draws of its own.
    fn fight(&self, arena: &Arena<'_>, random: &Random) -> Outcome {
        thread::scope(|scope| {
            let slots: Vec<_> = (0..self.ledger.workers())
                .map(|slot| {
                    let random = random.fork(slot as u64);
                    scope.spawn(move || arena.fight(slot, random))
                })
                .collect();
            // All are waited for, whatever becomes of one.
            let ends: Vec<Outcome> = slots
                .into_iter()
                .map(|slot| slot.join().unwrap_or_else(|_| Err("the test itself panicked".to_owned())))
                .collect();
            ends.into_iter().collect()
        })
    }
}

/// What cannot be seen any more when the emulator has ended.
fn keep(scratch: &Scratch, evidence: &Evidence, account: bool) -> Outcome {
    for (name, value) in
        [("books", &evidence.books), ("state", &evidence.state), ("status", &evidence.status)]
    {
        scratch.write(&format!("{name}.json"), &pretty(value))?;
    }
    if !account {
        return Ok(());
    }
    for (place, tree) in PLACES.into_iter().zip([&evidence.input, &evidence.processed, &evidence.error]) {
        for (path, content) in tree {
            if let Some(content) = content {
                scratch.write(&format!("lake/{place}/{path}"), &String::from_utf8_lossy(content))?;
            }
        }
    }
    Ok(())
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
