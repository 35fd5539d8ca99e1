//! One simulated world, from the first worker's start to the last word of the oracle.

use std::{sync::Arc, time::Duration};

use adls_io::{DataLake, Location};
use aoai_batch_client::BatchApi;
use batch_orchestrator::{
    Backends, CostOptions, LakeOptions, LimitOptions, MergeOptions, Observer, OutputOptions, Pipeline,
    PipelineOptions, RunOptions, ServiceOptions, Stop, Transfer,
    ledger::{JobView, LedgerAdmin, WorkerId},
    machine::{AttemptOptions, RetryOptions},
    model::{JobState, PartKey},
};
use serde_json::value::RawValue;
use token_estimator::{Provenance, TokenCount, TokenEstimator};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use crate::{
    api::SimApi,
    gate::{Gate, Life, at_once},
    lake::SimLake,
    ledger::SimLedger,
    scenario::{LIST_SETTLE, Mutation, Scenario},
    urls::SimUrls,
    world::{Violation, World, at},
};

/// How long everything may take once nothing goes wrong any more.
const BOUND: Duration = Duration::from_hours(24);
/// Long enough for every request that is late, and every worker that sleeps.
const AFTERMATH: Duration = Duration::from_hours(1);
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// What a run came to, if nothing is wrong.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Calls that changed something.
    pub(crate) effects: usize,
    /// What happened, in one number.
    pub(crate) fingerprint: u64,
    /// How often a worker was started.
    pub(crate) starts: usize,
    /// Lines without an answer in what was published.
    pub(crate) error_lines: u64,
}

/// Lives through a scenario.
pub(crate) fn simulate(scenario: Scenario) -> Result<Outcome, Violation> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = World::new(scenario);
        let verdict = live(&world).await;
        if crate::log_wanted() {
            world.print_log();
        }
        verdict?;
        Ok(Outcome {
            effects: world.effects(),
            fingerprint: world.fingerprint(),
            starts: world.starts(),
            error_lines: error_lines(&world),
        })
    })
}

async fn live(world: &Arc<World>) -> Result<(), Violation> {
    // One for each: the listeners of one channel are woken in an order that is left to chance.
    let (finish, workers): (Vec<_>, Vec<_>) = (0..world.scenario.workers)
        .map(|number| {
            let (finish, finished) = watch::channel(false);
            (finish, tokio::spawn(keep_running(world.clone(), number, finished)))
        })
        .unzip();
    let person = tokio::spawn(cancel_all(world.clone()));
    while !is_done(world) {
        sleep(LOOK_EVERY).await;
        world.judge()?;
        if world.elapsed() > world.scenario.faults_until.min(BOUND) + BOUND {
            let jobs: Vec<_> = world.jobs().iter().map(described).collect();
            return Err(world.violation(&format!("I6: not done in time: {jobs:#?}")));
        }
    }
    person.abort();
    // Zombies wake up, late requests arrive.
    sleep(AFTERMATH / 2).await;
    for finish in finish {
        let _ = finish.send(true);
    }
    for worker in workers {
        let aborted = worker.abort_handle();
        if timeout(AFTERMATH, worker).await.is_err() {
            aborted.abort();
        }
    }
    sleep(AFTERMATH / 2).await;
    world.judge()?;
    if world.scenario.fates.odd.is_some() {
        return untouched(world).map_or(Ok(()), |why| Err(world.violation(&format!("I3: {why}"))));
    }
    leftovers(world).map_or(Ok(()), |why| Err(world.violation(&format!("I4: {why}"))))
}

/// What a person does, if that is to be.
async fn cancel_all(world: Arc<World>) {
    let Some(after) = world.scenario.cancelled_after else { return };
    sleep(after).await;
    for view in world.jobs() {
        let marked = at_once(world.ledger.cancel(&view.job.key)).unwrap();
        world.say(&format!("a person cancels {}: {marked}", view.job.key));
    }
}

fn error_lines(world: &World) -> u64 {
    let errors = |view: &JobView| match &view.job.state {
        JobState::Done { totals, .. } => totals.error,
        _ => 0,
    };
    world.jobs().iter().map(errors).sum()
}

fn described(view: &JobView) -> String {
    let parts: Vec<_> = view.parts.iter().map(|part| part.state.name()).collect();
    format!("{} {}: {} {parts:?}", view.job.key, view.job.input.location.path, view.job.state.name())
}

/// Every input has a job that is done, or that waits for a person where that is right, and nothing else is under way.
fn is_done(world: &World) -> bool {
    let jobs = world.jobs();
    let done = |name: &str| {
        jobs.iter().any(|view| {
            let asked =
                world.scenario.fates.odd.is_some() && matches!(view.job.state, JobState::Quarantined { .. });
            (asked || matches!(view.job.state, JobState::Done { .. }))
                && view.job.input.location.path.file_name() == name
        })
    };
    jobs.iter().all(|view| view.job.state.is_at_rest())
        && world.oracle().all_inputs().iter().all(|name| done(name))
}

/// Where a person has to be asked: nothing is published, and what was paid for is still at the service.
fn untouched(world: &World) -> Option<String> {
    for view in world.jobs() {
        if !matches!(view.job.state, JobState::Quarantined { .. }) {
            return Some(format!("{} was taken", described(&view)));
        }
        if !world.lake.paths().contains(&view.job.input.location) {
            return Some(format!("{} is gone", view.job.input.location));
        }
    }
    let published =
        |path: &Location| !path.path.as_str().starts_with("_aoai-batch/") && path.filesystem != "input";
    if let Some(path) = world.lake.paths().iter().find(|path| published(path)) {
        return Some(format!("{path} was published"));
    }
    world.service().deleted_result().map(|name| format!("{name} was deleted at the service"))
}

/// What nobody will ever clean up.
fn leftovers(world: &World) -> Option<String> {
    let published = world.oracle().published.clone();
    // What came to be after its job was published is a zombie's, or a late request's.
    for (id, file) in world.service().left() {
        let job = PartKey::parse_service_file(&file.name).map(|(part, _)| part.job.0);
        if job.is_none_or(|job| published.get(&job).is_none_or(|at| file.created_ms <= *at)) {
            return Some(format!("{} ({}) is left at the service", id.0, file.name));
        }
    }
    for location in world.lake.paths() {
        let Some(job) = own(&location) else { continue };
        let modified_ms = at_once(world.lake.head(&location)).unwrap().modified_ms;
        if published.get(job).is_none_or(|at| modified_ms <= *at) {
            return Some(format!("{location} is left in the lake"));
        }
    }
    None
}

/// The job of a file of our own.
fn own(location: &Location) -> Option<&str> {
    let inside = location.path.as_str().strip_prefix("_aoai-batch/")?;
    let name = inside.split('/').nth(1).unwrap_or_default();
    Some(name.strip_suffix(".json").unwrap_or(name))
}

/// Starts a worker, and starts it again whenever it dies.
async fn keep_running(world: Arc<World>, number: usize, mut finished: watch::Receiver<bool>) {
    for incarnation in 1_u64.. {
        let life = Life::new(format!("w{number}.{incarnation}"));
        let gate = Gate { world: world.clone(), life: life.clone() };
        let pipeline = pipeline(&gate, incarnation);
        let (stop, stopped) = Stop::new();
        let mut run = tokio::spawn(async move { pipeline.run(Arc::new(Quiet), stopped).await });
        world.say(&format!("{} starts", life.name));
        tokio::select! {
            biased;
            () = life.crash.notified() => {
                run.abort();
                let _ = run.await;
                world.say(&format!("{} dies", life.name));
            }
            ended = &mut run => {
                let why = match ended {
                    Ok(Ok(report)) => format!("{report:?}"),
                    Ok(Err(error)) => error.to_string(),
                    Err(panic) => std::panic::resume_unwind(panic.into_panic()),
                };
                world.say(&format!("{} ends: {why}", life.name));
            }
            _ = finished.changed() => {
                let _ = stop.send(true);
                tokio::select! {
                    biased;
                    () = life.crash.notified() => run.abort(),
                    _ = &mut run => {}
                }
                return;
            }
        }
        if world.scenario.workers == 1 {
            // An operating-system lock tells that the former owner is gone.
            world.ledger.forget_leases();
        }
        let rest = world.between(Duration::from_secs(1), Duration::from_mins(3));
        if timeout(rest, finished.changed()).await.is_ok() {
            return;
        }
    }
}

/// A quarter of a token for each character.
struct Characters;

impl TokenEstimator for Characters {
    fn count(&self, _: &str, body: &RawValue) -> TokenCount {
        let tokens = body.get().len() as u64 / 4;
        TokenCount {
            prompt_tokens: 0,
            text_tokens: 0,
            image_tokens: 0,
            tool_tokens: 0,
            overhead_tokens: 0,
            quota_tokens: tokens,
            max_output_tokens: None,
            provenance: Provenance::Estimate,
        }
    }

    fn provenance(&self, _: &str) -> Provenance {
        Provenance::Estimate
    }
}

struct Quiet;

impl Observer for Quiet {
    fn event(&self, _: &batch_orchestrator::Event<'_>) {}
}

fn pipeline(gate: &Gate, incarnation: u64) -> Pipeline {
    let scenario = &gate.world.scenario;
    let transfer = if scenario.blobs { Transfer::Blob { urls: Arc::new(SimUrls) } } else { Transfer::Upload };
    let root = |filesystem: &str| at(filesystem, "");
    let options = PipelineOptions {
        lake: LakeOptions {
            account: "sim".into(),
            input: at("input", "inbox"),
            processed: root("processed"),
            error: root("error"),
            include: vec!["**/*.jsonl".into()],
            recursive: true,
        },
        service: ServiceOptions {
            name: "sim".into(),
            transfer,
            enqueued_tokens: scenario.quota,
            deployment: scenario.pool.then(|| "name".to_owned()),
            set_model: scenario.pool,
            ..ServiceOptions::default()
        },
        run: RunOptions {
            watch: true,
            settle_time: Duration::ZERO,
            list_settle: if scenario.mutation == Mutation::NoSettle { Duration::ZERO } else { LIST_SETTLE },
            stall_after: scenario.stall_after,
            deadline: scenario.deadline,
            seed: Some(scenario.seed ^ incarnation << 32),
            ..RunOptions::default()
        },
        limits: LimitOptions {
            max_lines: scenario.part_lines,
            split: true,
            merge: scenario.merged.then(MergeOptions::default),
            ..LimitOptions::default()
        },
        output: OutputOptions::default(),
        retry: RetryOptions::default(),
        attempts: AttemptOptions {
            max: scenario.attempts,
            delay: Duration::from_secs(1),
            resubmit_cancelled: true,
            ..AttemptOptions::default()
        },
        cost: CostOptions::default(),
    };
    let service: Arc<dyn BatchApi> = Arc::new(SimApi(gate.clone()));
    let backends = Backends {
        lake: Arc::new(SimLake(gate.clone())),
        estimator: Some(Arc::new(Characters)),
        ledger: Arc::new(SimLedger(gate.clone())),
    };
    let others = if scenario.pool {
        let weight = 2.0;
        let deployment = Some("a-longer-name".to_owned());
        vec![(service.clone(), ServiceOptions { deployment, weight, ..options.service.clone() })]
    } else {
        Vec::new()
    };
    Pipeline::pooled(&backends, service, others, WorkerId(gate.life.name.clone()), options)
}
