//! What all workers of a simulated world share: time, chance, the log, the oracle, and the three backends.

use std::{
    collections::BTreeMap,
    hash::{Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use adls_io::{LakePath, Location, MemoryLake};
use batch_orchestrator::{
    ledger::{JobQuery, JobView, Ledger, MemoryLedger},
    model::{JobKey, JobState, PartRecord, Timestamp},
};
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use tokio::time::Instant;

use crate::{
    gate::at_once,
    oracle::Oracle,
    scenario::{OneFault, Scenario},
    service::Service,
};

/// Some day in 2023.
const BASE_MS: i64 = 1_700_000_000_000;
/// How much of the log a violation shows.
const TAIL: usize = 60;

pub(crate) struct World {
    pub(crate) scenario: Scenario,
    start: Instant,
    chance: Mutex<SmallRng>,
    log: Mutex<Log>,
    oracle: Mutex<Oracle>,
    service: Mutex<Service>,
    pub(crate) lake: MemoryLake,
    pub(crate) ledger: Arc<MemoryLedger>,
    jump: Arc<Mutex<Jump>>,
}

/// The ledger's clock: it may jump, but never goes backwards.
#[derive(Default)]
struct Jump {
    offset_ms: i64,
    last: i64,
}

#[derive(Default)]
struct Log {
    lines: Vec<String>,
    hash: std::hash::DefaultHasher,
    effects: usize,
}

/// What went wrong, and how to see it again.
#[derive(Debug)]
pub(crate) struct Violation(pub(crate) String);

pub(crate) fn at(filesystem: &str, path: &str) -> Location {
    Location::new(filesystem, LakePath::parse(path).unwrap())
}

impl World {
    pub(crate) fn new(scenario: Scenario) -> Arc<Self> {
        let start = Instant::now();
        let jump: Arc<Mutex<Jump>> = Arc::default();
        let clock = {
            let jump = jump.clone();
            move || {
                let mut jump = jump.lock().unwrap();
                let told = BASE_MS + millis(start.elapsed()) + jump.offset_ms;
                jump.last = jump.last.max(told);
                Timestamp(jump.last)
            }
        };
        let lake = MemoryLake::with_filesystems(["input", "processed", "error"]);
        lake.set_now_ms(BASE_MS);
        let mut inputs = BTreeMap::new();
        for (name, text) in &scenario.inputs {
            lake.put(&at("input", &format!("inbox/{name}")), text.clone()).unwrap();
            inputs.insert(name.clone(), text.clone());
        }
        Arc::new(Self {
            start,
            chance: Mutex::new(SmallRng::seed_from_u64(scenario.seed)),
            log: Mutex::default(),
            oracle: Mutex::new(Oracle::new(inputs, &scenario)),
            service: Mutex::new(Service::new(&scenario, lake.clone())),
            lake,
            ledger: Arc::new(MemoryLedger::new("ledger", Arc::new(clock))),
            jump,
            scenario,
        })
    }

    /// The time of the world itself, in milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> i64 {
        BASE_MS + millis(self.start.elapsed())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    pub(crate) fn service(&self) -> MutexGuard<'_, Service> {
        let mut service = self.service.lock().unwrap();
        service.tick(self.now_ms(), &mut self.oracle.lock().unwrap());
        service
    }

    pub(crate) fn oracle(&self) -> MutexGuard<'_, Oracle> {
        self.oracle.lock().unwrap()
    }

    /// All jobs that the ledger knows.
    pub(crate) fn jobs(&self) -> Vec<JobView> {
        at_once(self.ledger.view(&JobQuery::default())).unwrap()
    }

    /// What a new state of a job must mean.
    pub(crate) fn judge_job(&self, key: &JobKey, state: &JobState) {
        let query = JobQuery { key: Some(key.0.clone()), ..JobQuery::default() };
        let views = at_once(self.ledger.view(&query)).unwrap();
        let path = views[0].job.input.location.path.as_str();
        self.oracle().job(&key.0, path, state, self.now_ms(), &self.lake);
    }

    /// What is reserved at any moment.
    pub(crate) fn judge_quota(&self) {
        let Some(limit) = self.scenario.quota else { return };
        let query = JobQuery { unfinished: true, ..JobQuery::default() };
        let views = at_once(self.ledger.view(&query)).unwrap();
        let mut holders: BTreeMap<_, Vec<u64>> = BTreeMap::new();
        // What is found of a lost history holds what it may have taken, and was never let in.
        let let_in = |part: &&PartRecord| part.state.holds_quota() && part.spending.is_some();
        for part in views.iter().flat_map(|view| &view.parts).filter(let_in) {
            holders.entry(part.deployment.clone()).or_default().push(part.plan.quota_tokens());
        }
        for tokens in holders.values() {
            self.oracle().reserved(limit, tokens);
        }
    }

    /// After every mutation.
    pub(crate) fn look(&self) {
        drop(self.service());
        self.oracle().look_at(&self.lake);
    }

    /// At most one of these, each with its probability, as long as faults last.
    pub(crate) fn draw(&self, often: &[(f64, OneFault)]) -> Option<OneFault> {
        if self.elapsed() >= self.scenario.faults_until {
            return None;
        }
        let mut drawn = self.chance.lock().unwrap().random::<f64>();
        for (probability, fault) in often {
            if drawn < *probability {
                return Some(*fault);
            }
            drawn -= probability;
        }
        None
    }

    /// True with this probability, as long as faults last.
    pub(crate) fn happens(&self, probability: f64) -> bool {
        self.elapsed() < self.scenario.faults_until
            && self.chance.lock().unwrap().random::<f64>() < probability
    }

    /// Uniform between these.
    pub(crate) fn between(&self, low: Duration, high: Duration) -> Duration {
        low + (high - low).mul_f64(self.chance.lock().unwrap().random())
    }

    pub(crate) fn pick(&self, choices: usize) -> usize {
        self.chance.lock().unwrap().random_range(0..choices)
    }

    /// Sets the ledger's clock forward or back.
    pub(crate) fn jump(&self, by_ms: i64) {
        self.jump.lock().unwrap().offset_ms += by_ms;
        self.say(&format!("the ledger's clock jumps by {by_ms} ms"));
    }

    pub(crate) fn say(&self, text: &str) {
        let mut log = self.log.lock().unwrap();
        let line = format!("{:>12.3}s {text}", self.elapsed().as_secs_f64());
        line.hash(&mut log.hash);
        log.lines.push(line);
    }

    /// Counts an effect; answers with its number.
    pub(crate) fn count(&self) -> usize {
        let mut log = self.log.lock().unwrap();
        log.effects += 1;
        log.effects - 1
    }

    pub(crate) fn effects(&self) -> usize {
        self.log.lock().unwrap().effects
    }

    pub(crate) fn starts(&self) -> usize {
        self.log.lock().unwrap().lines.iter().filter(|line| line.ends_with(" starts")).count()
    }

    /// What happened, in one number.
    pub(crate) fn fingerprint(&self) -> u64 {
        self.log.lock().unwrap().hash.finish()
    }

    pub(crate) fn print_log(&self) {
        use std::io::Write;
        for line in &self.log.lock().unwrap().lines {
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }

    /// The oracle's verdict so far.
    pub(crate) fn judge(&self) -> Result<(), Violation> {
        self.look();
        let Some(why) = self.oracle.lock().unwrap().violation.clone() else { return Ok(()) };
        Err(self.violation(&why))
    }

    pub(crate) fn violation(&self, why: &str) -> Violation {
        let log = self.log.lock().unwrap();
        let tail = &log.lines[log.lines.len().saturating_sub(TAIL)..];
        Violation(format!(
            "{}\n{why}\nafter {:?}; the last of the log:\n{}\n\
             the whole of it: cargo xtask sim --seeds {}..{} --log",
            self.scenario.shown(),
            self.elapsed(),
            tail.join("\n"),
            self.scenario.seed,
            self.scenario.seed + 1,
        ))
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap()
}
