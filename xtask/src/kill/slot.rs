//! One place for a worker in a round: started, killed, started again.

use std::{
    collections::BTreeMap,
    process::ExitStatus,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use super::{
    database::Database,
    plan::LEASE_MS,
    random::Random,
    tree::Lake,
    worker::{Program, Worker},
};
use crate::run::Outcome;

/// From the start of a worker to its end, at the most.
const LONGEST_MS: u64 = 400;
/// From the start to the first thing that it does, at the most: what others held is free when their lease ends.
const PATIENCE_MS: u64 = LEASE_MS;
/// From the first thing that it did to its end, at the most; there are many states within this.
const AT_WORK_MS: u64 = 80;
/// Of a hundred ends, how many are a stop that outlasts the lease, and then a revival.
const ZOMBIES_PERCENT: u64 = 10;
/// Every so many ends the database is restarted, or loses its connections.
const RESTART_EVERY: usize = 25;
const CUT_EVERY: usize = 10;

/// What was done in a round.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// How many ends there were, by what the worker did last.
    pub(super) by_state: BTreeMap<String, usize>,
    pub(super) zombies: usize,
    /// Workers that ended by themselves with work left: the service, the lake or the ledger could not be reached.
    pub(super) gave_up: BTreeMap<String, usize>,
    pub(super) database_restarts: usize,
    pub(super) database_cuts: usize,
}

/// What the places of a round share.
pub(super) struct Arena<'a> {
    pub(super) program: &'a Program,
    pub(super) lake: &'a Lake,
    pub(super) database: Option<&'a Database>,
    /// Ends that are still to be met.
    pub(super) left: AtomicUsize,
    /// When so many are left, the ledger is lost.
    pub(super) loses_ledger_at: Option<usize>,
    pub(super) tally: Mutex<Tally>,
}

impl Arena<'_> {
    fn tally(&self, note: impl FnOnce(&mut Tally)) {
        note(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Works in one place until the round's ends are used up or nothing is left to do.
    pub(super) fn fight(&self, slot: usize, mut random: Random) -> Outcome {
        while !self.lake.is_done()? {
            let Ok(before) =
                self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            else {
                return Ok(());
            };
            self.disturb(before)?;
            if self.loses_ledger_at == Some(before) {
                self.lose_ledger()?;
            }
            let mode = if random.chance(50) { "--once" } else { "--watch" };
            let mut worker = Worker::start(self.program, slot, mode)?;
            if let Some(status) = self.let_work(&mut worker, &mut random)? {
                // It met its end by itself; that is none of ours.
                self.left.fetch_add(1, Ordering::SeqCst);
                self.ended(slot, mode, status)?;
                continue;
            }
            self.tally(|tally| *tally.by_state.entry(worker.state()).or_default() += 1);
            if random.chance(ZOMBIES_PERCENT) {
                self.zombie(&mut worker, &mut random)?;
            }
            worker.kill()?;
        }
        Ok(())
    }

    /// Most times are counted from the first thing that was done: what waits is killed more often than what works
    /// anyway.
    fn let_work(&self, worker: &mut Worker, random: &mut Random) -> Result<Option<ExitStatus>, String> {
        if random.chance(75) {
            if let Some(status) = worker.wait_for_progress(Duration::from_millis(PATIENCE_MS))? {
                return Ok(Some(status));
            }
            return worker.wait(Duration::from_millis(random.between(0, AT_WORK_MS)));
        }
        worker.wait(Duration::from_millis(random.between(5, LONGEST_MS)))
    }

    /// Stops the worker for longer than its claims hold, and lets it go on: it knows nothing of the time between.
    fn zombie(&self, worker: &mut Worker, random: &mut Random) -> Outcome {
        worker.stop()?;
        // One that is just starting or ending need not hold the ledger.
        let holds = worker.first_progress().is_some() && worker.wait(Duration::ZERO)?.is_none();
        if self.database.is_none() && holds && !self.lake.is_done()? {
            self.program.is_refused()?;
        }
        thread::sleep(Duration::from_millis(LEASE_MS + random.between(100, LEASE_MS)));
        worker.go_on()?;
        worker.wait(Duration::from_millis(random.between(20, LONGEST_MS)))?;
        self.tally(|tally| tally.zombies += 1);
        Ok(())
    }

    /// Nobody works now. Where nothing is claimed there is nothing to lose.
    fn lose_ledger(&self) -> Outcome {
        if self.program.adopted.get().is_some() {
            return Ok(());
        }
        match self.lake.claimant()? {
            Some(id) => self.program.lose_ledger(id),
            None => Ok(()),
        }
    }

    fn disturb(&self, left: usize) -> Outcome {
        let Some(database) = self.database else { return Ok(()) };
        if left.is_multiple_of(RESTART_EVERY) {
            database.restart()?;
            self.tally(|tally| tally.database_restarts += 1);
        } else if left.is_multiple_of(CUT_EVERY) {
            database.cut()?;
            self.tally(|tally| tally.database_cuts += 1);
        }
        Ok(())
    }

    /// A worker may find that nothing is left, or that something cannot be reached; anything else is a defect.
    fn ended(&self, slot: usize, mode: &str, status: ExitStatus) -> Outcome {
        match status.code() {
            Some(0 | 3) if mode == "--once" => Ok(()),
            Some(5) => {
                let why = self.program.last_error(slot)?;
                self.tally(|tally| *tally.gave_up.entry(why).or_default() += 1);
                Ok(())
            }
            _ => Err(format!("`run {mode}` ended by itself with {status}: see worker-{slot}.log")),
        }
    }
}
