//! Sequences that nobody thought of: both ledgers answer as the one in memory does.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use aoai_batch_client::{Batch, BatchId, FileId};
use batch_ledger::{Access, SqliteLedger, SqliteOptions};
use batch_orchestrator::{
    ledger::{
        Account, ClaimRequest, Commit, JobCommit, JobQuery, JobView, LeaseRef, Ledger, LedgerError,
        MemoryLedger, PartCommit, PollRequest, PollTurn, RecordKey, WorkerId,
    },
    model::{
        JobKey, JobPlan, JobState, PartKey, PartRecord, PartState, Problem, ProblemKind, ServiceInput,
        Strays, Submission, Target, Timestamp, TokenTotals,
    },
};
use proptest::prelude::*;

use crate::support::{input, ledger, plan};

/// One call. Numbers choose among what there is.
#[derive(Debug, Clone)]
enum Call {
    Discover(BTreeSet<u8>),
    /// With a lease that has run out when it arrives, or with a long one.
    Claim {
        worker: u8,
        window: usize,
        brief: bool,
    },
    Heartbeat(Vec<usize>),
    /// With any lease that there ever was.
    Commit {
        lease: usize,
        to: u8,
        keep: bool,
        due: bool,
        failed: bool,
    },
    Observe {
        batch: u8,
        ended: bool,
    },
    Poll {
        worker: u8,
        hold: bool,
    },
    Reserve {
        name: u8,
        job: usize,
    },
    RetryFailed,
    /// What another ledger knew of a job.
    Restore(usize),
    /// A decision about a record, in a version that is right or wrong.
    Resolve {
        record: usize,
        off: bool,
        to: u8,
    },
}

fn call() -> impl Strategy<Value = Call> {
    let leases = 0..64_usize;
    prop_oneof![
        2 => prop::collection::btree_set(0..4_u8, 1..3).prop_map(Call::Discover),
        6 => (0..2_u8, 0..4_usize, prop::bool::weighted(0.3))
            .prop_map(|(worker, window, brief)| Call::Claim { worker, window, brief }),
        1 => prop::collection::vec(leases.clone(), 1..4).prop_map(Call::Heartbeat),
        10 => (leases.clone(), 0..5_u8, any::<bool>(), prop::bool::weighted(0.8), prop::bool::weighted(0.2))
            .prop_map(|(lease, to, keep, due, failed)| Call::Commit { lease, to, keep, due, failed }),
        2 => (0..3_u8, any::<bool>()).prop_map(|(batch, ended)| Call::Observe { batch, ended }),
        1 => (0..2_u8, any::<bool>()).prop_map(|(worker, hold)| Call::Poll { worker, hold }),
        1 => (0..2_u8, leases.clone()).prop_map(|(name, job)| Call::Reserve { name, job }),
        1 => Just(Call::RetryFailed),
        1 => leases.clone().prop_map(Call::Restore),
        2 => (leases, prop::bool::weighted(0.2), 0..5_u8)
            .prop_map(|(record, off, to)| Call::Resolve { record, off, to }),
    ]
}

/// What a ledger told, but for times.
type Told = Result<Vec<String>, String>;

/// A ledger, and what its user remembers.
struct Player<'a> {
    ledger: &'a dyn Ledger,
    leases: Vec<LeaseRef>,
    planned: BTreeSet<JobKey>,
}

fn failed(error: &LedgerError) -> String {
    format!("{:?}", error.kind)
}

fn chosen<T>(from: &[T], number: usize) -> Option<&T> {
    from.get(number % from.len().max(1))
}

/// What has no order, or comes twice where it was asked for twice.
fn unordered(told: impl Iterator<Item = String>) -> Vec<String> {
    told.collect::<BTreeSet<_>>().into_iter().collect()
}

impl<'a> Player<'a> {
    fn new(ledger: &'a dyn Ledger) -> Self {
        Self { ledger, leases: Vec::new(), planned: BTreeSet::new() }
    }

    async fn views(&self) -> Result<Vec<JobView>, String> {
        let mut views = self.ledger.view(&JobQuery::default()).await.map_err(|error| failed(&error))?;
        // They are in the order of their creation, which has ties.
        views.sort_by(|a, b| a.job.key.cmp(&b.job.key));
        Ok(views)
    }

    /// Everything that can be seen.
    async fn seen(&self) -> Told {
        let views = self.views().await?;
        let problem = |problem: &Option<Problem>| problem.is_some();
        Ok(views
            .iter()
            .flat_map(|JobView { job, parts }| {
                let line =
                    (job.key.to_string(), &job.state, job.version, job.failures, problem(&job.problem));
                let parts = parts.iter().map(|part| {
                    let remote = part.remote.as_ref().map(|batch| (&batch.id, &batch.status));
                    let line = (part.key.to_string(), &part.state, part.version, part.failures, remote);
                    format!("{line:?}")
                });
                std::iter::once(format!("{line:?}")).chain(parts.collect::<Vec<_>>())
            })
            .collect())
    }

    async fn play(&mut self, call: &Call) -> Told {
        let ledger = self.ledger;
        match call {
            Call::Discover(names) => {
                let inputs: Vec<_> = names.iter().map(|name| input(&format!("f{name}"))).collect();
                // Listed before anything happened: nothing was put back.
                let new = ledger
                    .discover("account", &inputs, Timestamp(0))
                    .await
                    .map_err(|error| failed(&error))?;
                Ok(unordered(new.iter().map(ToString::to_string)))
            }
            Call::Claim { worker, window, brief } => {
                let ttl = if *brief { Duration::ZERO } else { Duration::from_hours(1) };
                let worker = WorkerId(format!("w{worker}"));
                let request =
                    ClaimRequest { worker, limit: 100, window: *window, admit: true, marked: false, ttl };
                let claims = ledger.claim(&request).await.map_err(|error| failed(&error))?;
                let mut told: BTreeMap<_, _> = BTreeMap::new();
                for lease in &claims.leases {
                    let LeaseRef { key, fence, version } = lease.reference().clone();
                    told.insert(key, (fence, version));
                }
                self.leases.extend(told.iter().map(|(key, (fence, version))| LeaseRef {
                    key: key.clone(),
                    fence: *fence,
                    version: *version,
                }));
                let summary = format!(
                    "{} unfinished, waits: {:?}",
                    claims.unfinished,
                    (!brief).then_some(claims.next_due.is_some())
                );
                Ok(told.iter().map(|lease| format!("{lease:?}")).chain([summary]).collect())
            }
            Call::Heartbeat(numbers) => {
                let held: Vec<_> = numbers.iter().filter_map(|n| chosen(&self.leases, *n)).cloned().collect();
                let ours =
                    ledger.heartbeat(&held, Duration::from_hours(1)).await.map_err(|error| failed(&error))?;
                Ok(unordered(ours.iter().map(|lease| format!("{lease:?}"))))
            }
            Call::Commit { lease, to, keep, due, failed: problem } => {
                let Some(lease) = chosen(&self.leases, *lease).cloned() else { return Ok(Vec::new()) };
                let commit = self.commit_to(&lease.key, *to, *keep, *due, *problem);
                let plans = matches!(&commit, Commit::Job(commit) if !commit.parts.is_empty());
                let next = ledger.commit(&lease, commit).await.map_err(|error| failed(&error))?;
                if let (true, RecordKey::Job(key)) = (plans, &lease.key) {
                    self.planned.insert(key.clone());
                }
                self.leases.extend(next.iter().map(|next| next.reference().clone()));
                Ok(next.iter().map(|next| format!("{:?}", next.reference())).collect())
            }
            Call::Observe { batch, ended } => {
                let status = if *ended { "completed" } else { "in_progress" };
                let batch: Batch = serde_json::from_value(
                    serde_json::json!({ "id": format!("batch-{batch}"), "status": status }),
                )
                .unwrap();
                Ok(vec![ledger.observe(&[batch]).await.map_err(|error| failed(&error))?.to_string()])
            }
            Call::Poll { worker, hold } => {
                let hold = if *hold { Duration::from_hours(1) } else { Duration::ZERO };
                let request =
                    PollRequest { worker: WorkerId(format!("w{worker}")), endpoint: "service".into(), hold };
                Ok(vec![match ledger.poll_turn(&request).await.map_err(|error| failed(&error))? {
                    PollTurn::Granted(running) => format!("granted, {} run", running.batches),
                    PollTurn::Until(_) => "somebody else's".into(),
                }])
            }
            Call::Reserve { name, job } => {
                let views = self.views().await?;
                let Some(view) = chosen(&views, *job) else { return Ok(Vec::new()) };
                let ours = ledger
                    .reserve(&format!("name-{name}"), &view.job.key)
                    .await
                    .map_err(|error| failed(&error))?;
                Ok(vec![ours.to_string()])
            }
            Call::RetryFailed => {
                ledger.retry_failed().await.map(|()| Vec::new()).map_err(|error| failed(&error))
            }
            Call::Restore(number) => {
                let mut views = self.views().await?;
                let at = number % views.len().max(1);
                let Some(view) = views.get_mut(at) else { return Ok(Vec::new()) };
                // Half of them are known; the other half are as another ledger knew them.
                if number.is_multiple_of(2) {
                    let other = JobKey(view.job.key.0.chars().rev().collect());
                    view.parts.iter_mut().for_each(|part| part.key.job = other.clone());
                    view.job.key = other;
                }
                Ok(vec![
                    ledger
                        .restore(std::slice::from_ref(view))
                        .await
                        .map_err(|error| failed(&error))?
                        .to_string(),
                ])
            }
            Call::Resolve { record, off, to } => {
                let views = self.views().await?;
                let jobs = views.iter().map(|view| (RecordKey::Job(view.job.key.clone()), view.job.version));
                let parts = views.iter().flat_map(|view| &view.parts);
                let parts = parts.map(|part| (RecordKey::Part(part.key.clone()), part.version));
                let all: Vec<_> = jobs.chain(parts).collect();
                let Some((key, version)) = chosen(&all, *record) else { return Ok(Vec::new()) };
                let commit = self.commit_to(key, *to, false, true, false);
                let commit = match commit {
                    Commit::Job(commit) => Commit::Job(JobCommit { parts: Vec::new(), ..commit }),
                    part => part,
                };
                ledger
                    .resolve(key, version + i64::from(*off), commit)
                    .await
                    .map_err(|error| failed(&error))?;
                Ok(Vec::new())
            }
        }
    }

    fn commit_to(&self, key: &RecordKey, to: u8, keep: bool, due: bool, failed: bool) -> Commit {
        let due_at = if due { Timestamp(0) } else { Timestamp::NEVER };
        let failures = u32::from(failed);
        let problem = failed.then(|| Problem {
            kind: ProblemKind::Service,
            message: "m".into(),
            hint: None,
            lasting: false,
            since: Timestamp(1),
        });
        match key {
            RecordKey::Job(key) => {
                let (state, parts) = job_state(key, to, self.planned.contains(key));
                let keep = keep && !state.is_at_rest();
                Commit::Job(JobCommit { failures, problem, parts, keep, ..JobCommit::new(state, due_at) })
            }
            RecordKey::Part(_) => {
                let state = part_state(to);
                let keep = keep && !state.is_at_rest();
                Commit::Part(PartCommit {
                    state,
                    due_at,
                    failures,
                    problem,
                    keep,
                    account: Account::default(),
                    next: None,
                })
            }
        }
    }
}

fn job_state(key: &JobKey, to: u8, planned: bool) -> (JobState, Vec<PartRecord>) {
    let part = |number| PartRecord {
        key: PartKey { job: key.clone(), part: number, attempt: 1 },
        plan: plan(number),
        input: input("f"),
        state: PartState::Ready,
        deployment: None,
        spending: None,
        remote: None,
        version: 0,
        failures: 0,
        problem: None,
        due_at: Timestamp(0),
        cancel: None,
        updated_at: Timestamp(0),
    };
    match to {
        0 => (JobState::Claimed, Vec::new()),
        1 => (JobState::Dropped { reason: "r".into() }, Vec::new()),
        2 => (JobState::Foreign { owner: "o".into() }, Vec::new()),
        _ => {
            let at = input("out").location;
            let target =
                Target { processed: at.clone(), error: at, stem: "a".into(), extension: String::new() };
            let plan = JobPlan {
                sha256: String::new(),
                lines: 1,
                model: "m".into(),
                tokens: TokenTotals::ZERO,
                parts: vec![plan(1), plan(2)],
            };
            let parts = if planned { Vec::new() } else { vec![part(1), part(2)] };
            let (plan, planned_at) = (Box::new(plan), Timestamp(0));
            (JobState::Running { plan, target, planned_at, must_list: false }, parts)
        }
    }
}

fn part_state(to: u8) -> PartState {
    let submission = Submission::new(1, ServiceInput::File(FileId("file".into())), Strays::default());
    match to {
        0 => PartState::Ready,
        1 => PartState::Uploading { generation: 1, since: Timestamp(0), strays: Strays::default() },
        2 => PartState::Quarantined { reason: "r".into(), was: Box::new(PartState::Ready) },
        number => PartState::Submitted {
            submission,
            batch_id: BatchId(format!("batch-{}", number % 3)),
            since: Timestamp(7),
        },
    }
}

/// Plays the same calls on both, and compares every answer and everything that can be seen.
async fn compare(calls: &[Call], ledger: &dyn Ledger) -> Result<(), TestCaseError> {
    let time = Arc::new(AtomicI64::new(1_000));
    let clock = Arc::new(move || Timestamp(time.fetch_add(1, Ordering::Relaxed)));
    let memory = MemoryLedger::new("memory", clock);
    let (mut expected, mut actual) = (Player::new(&memory), Player::new(ledger));
    for (number, call) in calls.iter().enumerate() {
        let told = (expected.play(call).await, actual.play(call).await);
        prop_assert_eq!(&told.0, &told.1, "call {}: {:?}", number, call);
        let seen = (expected.seen().await, actual.seen().await);
        prop_assert_eq!(&seen.0, &seen.1, "after call {}: {:?}", number, call);
    }
    Ok(())
}

fn check(cases: u32, run: impl Fn(&tokio::runtime::Runtime, Vec<Call>) -> Result<(), TestCaseError>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let usual = ProptestConfig::default();
    // `PROPTEST_CASES` scales it; 256 is what it says where nobody set it.
    let cases = (cases * usual.cases / 256).max(1);
    let config = ProptestConfig { cases, failure_persistence: None, ..usual };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let outcome = runner.run(&prop::collection::vec(call(), 1..40), |calls| run(&runtime, calls));
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[test]
fn sqlite_answers_as_memory_does() {
    check(100, |runtime, calls| {
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("ledger.db");
            let ledger = SqliteLedger::open(&SqliteOptions { path, access: Access::Work }).await.unwrap();
            compare(&calls, &ledger).await
        })
    });
}

#[test]
fn postgresql_answers_as_memory_does() {
    check(40, |runtime, calls| {
        runtime.block_on(async {
            let Some((ledger, _schema)) = ledger().await else { return Ok(()) };
            compare(&calls, &ledger).await
        })
    });
}
