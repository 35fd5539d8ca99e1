//! What a seed stands for.

use std::{ops::Range, time::Duration};

use bytes::Bytes;
use rand::{RngExt, SeedableRng, rngs::SmallRng};

use crate::fate::{Fates, Odd};

/// What the service's lists may lag at the most, and what the workers wait for.
pub(crate) const LIST_SETTLE: Duration = Duration::from_mins(5);

/// Enough attempts for every line that can succeed.
pub(crate) const MANY: u32 = 14;

/// Probabilities for every single call.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rates {
    pub(crate) refused: f64,
    pub(crate) lost_before: f64,
    pub(crate) lost_after: f64,
    pub(crate) late: f64,
    pub(crate) slow: f64,
    pub(crate) cut: f64,
    pub(crate) crash: f64,
    pub(crate) pause: f64,
    pub(crate) jump: f64,
}

/// A part of the protocol that is switched off, to see that the oracle notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutation {
    None,
    /// The lists show no batches, so that none is adopted.
    NoAdoption,
    /// Whoever knows the id of a deleted input can still use it.
    NoFence,
    /// Nobody waits for the lists to settle.
    NoSettle,
}

#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) workers: usize,
    pub(crate) inputs: Vec<(String, Bytes)>,
    /// Lines of a part at the most.
    pub(crate) part_lines: u64,
    pub(crate) rates: Rates,
    pub(crate) faults_until: Duration,
    /// Faults at chosen effects, instead of chance.
    pub(crate) at_effects: Option<Vec<(usize, OneFault)>>,
    /// When nobody can reach the ledger.
    pub(crate) ledger_away: Range<Duration>,
    /// The service's clock against the world's, in milliseconds.
    pub(crate) skew_ms: i64,
    pub(crate) mutation: Mutation,
    /// The service reads the lake and writes to it, in place of uploads.
    pub(crate) blobs: bool,
    /// Every second batch expires half-way.
    pub(crate) expiring: bool,
    /// How many tokens may be enqueued at once.
    pub(crate) quota: Option<u64>,
    /// Two deployments share the work, and the lines are rewritten to wherever they are sent.
    pub(crate) pool: bool,
    /// Files are sent together.
    pub(crate) merged: bool,
    /// How lines and batches fare.
    pub(crate) fates: Fates,
    /// The most attempts at a part.
    pub(crate) attempts: u32,
    /// When a person cancels everything that is under way.
    pub(crate) cancelled_after: Option<Duration>,
    /// `run.stall_after`: some batches make no progress for longer.
    pub(crate) stall_after: Option<Duration>,
    /// `run.deadline`.
    pub(crate) deadline: Option<Duration>,
}

/// What happens at one chosen effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OneFault {
    CrashBefore,
    CrashAfter,
    Refused,
    LostBefore,
    LostAfter,
    Late,
    Slow,
    Pause,
    Jump,
}

impl OneFault {
    pub(crate) const ALL: [Self; 9] = [
        Self::CrashBefore,
        Self::CrashAfter,
        Self::Refused,
        Self::LostBefore,
        Self::LostAfter,
        Self::Late,
        Self::Slow,
        Self::Pause,
        Self::Jump,
    ];
}

fn input(name: &str, lines: usize) -> (String, Bytes) {
    let line = |n: usize| {
        format!(
            r#"{{"custom_id":"{name}-{n}","method":"POST","url":"/chat/completions","body":{{"model":"m","messages":[{{"role":"user","content":"{n}"}}]}}}}"#
        ) + "\n"
    };
    (format!("{name}.jsonl"), (0..lines).map(line).collect::<String>().into())
}

impl Scenario {
    /// Three inputs, one of them in two parts, batches that expire, no faults, one worker.
    pub(crate) fn golden() -> Self {
        Self {
            seed: 7,
            workers: 1,
            inputs: vec![input("a", 3), input("b", 5), input("c", 2)],
            part_lines: 3,
            rates: Rates::default(),
            faults_until: Duration::from_hours(24),
            at_effects: None,
            ledger_away: Duration::ZERO..Duration::ZERO,
            skew_ms: 0,
            mutation: Mutation::None,
            blobs: false,
            expiring: true,
            quota: None,
            pool: false,
            merged: false,
            fates: Fates::default(),
            attempts: MANY,
            cancelled_after: None,
            stall_after: None,
            deadline: None,
        }
    }

    /// A person cancels everything while batches run.
    pub(crate) fn cancelled() -> Self {
        Self { cancelled_after: Some(Duration::from_mins(8)), expiring: false, ..Self::flaky() }
    }

    /// Batches that are cancelled because they stall, and files because they are late.
    pub(crate) fn late() -> Self {
        let (stall_after, deadline) = (Some(Duration::from_mins(6)), Some(Duration::from_mins(40)));
        Self { stall_after, deadline, expiring: false, ..Self::golden() }
    }

    /// Whether every line that can succeed has attempts and time enough for it.
    pub(crate) fn is_patient(&self) -> bool {
        let ended = [self.cancelled_after, self.stall_after, self.deadline];
        self.attempts == MANY && ended.iter().all(Option::is_none)
    }

    /// Lines that need several tries, batches that fail or are cancelled by somebody else.
    pub(crate) fn flaky() -> Self {
        Self { fates: Fates { flaky: 0.6, rough: true, ..Fates::default() }, ..Self::golden() }
    }

    /// Every batch has something that must not be taken.
    pub(crate) fn odd(seed: u64, odd: Odd) -> Self {
        let fates = Fates { odd: Some(odd), ..Fates::default() };
        let calm = Self { cancelled_after: None, stall_after: None, deadline: None, ..Self::random(seed) };
        Self { fates, merged: false, expiring: odd == Odd::Short, ..calm }
    }

    /// Three inputs in one batch, which expires.
    pub(crate) fn merged() -> Self {
        Self { merged: true, part_lines: 10, ..Self::golden() }
    }

    /// One input, one part.
    pub(crate) fn small() -> Self {
        Self { inputs: vec![input("a", 2)], expiring: false, ..Self::golden() }
    }

    pub(crate) fn random(seed: u64) -> Self {
        let mut chance = SmallRng::seed_from_u64(seed ^ 0x5eed);
        let files = chance.random_range(1..=3);
        let inputs =
            (0..files).map(|n| input(&format!("f{n}"), chance.random_range(1..=5))).collect::<Vec<_>>();
        // Some worlds are calm, some are mad; some have one kind of trouble only.
        let level = [0.0, 0.004, 0.015, 0.04][chance.random_range(0..4)];
        let mut rate = |often: f64| if chance.random::<f64>() < 0.6 { level * often } else { 0.0 };
        let rates = Rates {
            refused: rate(1.0),
            lost_before: rate(1.0),
            lost_after: rate(1.5),
            late: rate(1.5),
            slow: rate(0.5),
            cut: rate(1.0),
            crash: rate(0.5),
            pause: rate(0.3),
            jump: rate(0.05),
        };
        let mut scenario = Self {
            seed,
            workers: [1, 1, 2, 2, 3, 4][chance.random_range(0..6)],
            inputs,
            part_lines: chance.random_range(2..=5),
            rates,
            faults_until: Duration::from_mins(chance.random_range(60..=180)),
            at_effects: None,
            ledger_away: Duration::ZERO..Duration::ZERO,
            skew_ms: chance.random_range(-600_000..=600_000),
            mutation: Mutation::None,
            expiring: chance.random::<f64>() < 0.3,
            blobs: chance.random::<f64>() < 0.25,
            // A line takes some twenty; a part of five more than some of these limits.
            quota: (chance.random::<f64>() < 0.5).then(|| chance.random_range(60..=300)),
            pool: chance.random::<f64>() < 0.3,
            merged: chance.random::<f64>() < 0.3,
            fates: Fates {
                flaky: [0.0, 0.0, 0.1, 0.5][chance.random_range(0..4)],
                all_fail: chance.random::<f64>() < 0.02,
                rough: chance.random::<f64>() < 0.3,
                odd: None,
            },
            attempts: [1, 3, MANY, MANY][chance.random_range(0..4)],
            cancelled_after: None,
            stall_after: None,
            deadline: None,
        };
        let mut sometimes = |often: f64, least: u64, most: u64| {
            let minutes = chance.random_range(least..=most);
            (chance.random::<f64>() < often).then(|| Duration::from_mins(minutes))
        };
        scenario.cancelled_after = sometimes(0.15, 0, 90);
        scenario.stall_after = sometimes(0.15, 5, 40);
        scenario.deadline = sometimes(0.15, 10, 120);
        if scenario.merged {
            scenario.part_lines += 5;
        }
        scenario
    }

    /// Where answers get lost and requests are late most of the time.
    pub(crate) fn stormy(seed: u64) -> Self {
        let rates = Rates { lost_after: 0.05, late: 0.08, crash: 0.01, ..Rates::default() };
        Self { rates, ..Self::random(seed) }
    }

    pub(crate) fn with(self, mutation: Mutation) -> Self {
        Self { mutation, blobs: false, ..self }
    }

    pub(crate) fn shown(&self) -> String {
        format!(
            "seed {}, workers {}, inputs {}, blobs {}, quota {:?}, pool {}, merged {}, attempts {}, cancelled {:?}, \
             stall {:?}, deadline {:?}, {:?}, {:?}, {:?}, {:?}",
            self.seed,
            self.workers,
            self.inputs.len(),
            self.blobs,
            self.quota,
            self.pool,
            self.merged,
            self.attempts,
            self.cancelled_after,
            self.stall_after,
            self.deadline,
            self.fates,
            self.rates,
            self.at_effects,
            self.mutation
        )
    }
}
