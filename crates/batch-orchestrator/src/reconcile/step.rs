//! One record, held: perform, advance, commit — until it has to wait.

use tokio::time::{Instant, sleep};

use super::{
    Context, Event, Observer, Pool,
    early::{early_place, is_untouched},
    held::Held,
    part::part_step,
    window::Place,
};
use crate::{
    cleanup::{abandon, clean_up, forget},
    collect::publish,
    error::{PipelineError, StageError, StageResult},
    ledger::{Commit, JobCommit, JobQuery, Lease, LeaseRef, LedgerError, LedgerErrorKind},
    machine::{Early, JobEvent, advance_job},
    merge::{assemble, deliver, is_small, members_of},
    model::{
        DeploymentId, JobPlan, JobRecord, JobState, PartFailure, PartKey, PartRecord, PartState,
        ServiceInput, Strays, Submission, Timestamp,
    },
    recover::{published, published_since, read_decision},
    snapshot::claim,
    validate::{Sending, plan},
};

/// Works on a record until it rests, waits, or is not ours any more. Answers with the job that came to rest, if so.
pub(super) async fn work(
    pool: &Pool,
    observer: &dyn Observer,
    held: &Held,
    mut lease: Lease,
) -> Result<Option<JobState>, PipelineError> {
    // Whether this very process entered the state: what an earlier one may have done there is unknown.
    let mut fresh = false;
    loop {
        held.hold(lease.reference());
        let key = lease.reference().key.clone();
        let next = match lease {
            Lease::Job { lease, record } => job_step(pool, observer, &lease, *record, fresh).await,
            Lease::Part { lease, record } => part_step(pool, observer, &lease, *record, fresh).await,
        };
        match next {
            Ok(Step::Go { next, fresh: first }) => (lease, fresh) = (*next, first),
            Ok(Step::Rest(state)) => {
                held.release(&key);
                return Ok(state.map(|state| *state));
            }
            Err(PipelineError::Ledger(error)) if error.kind == LedgerErrorKind::Fenced => {
                held.release(&key);
                return Ok(None);
            }
            Err(error) => {
                held.release(&key);
                return Err(error);
            }
        }
    }
}

pub(super) enum Step {
    /// There is more to do at once.
    Go {
        /// With this.
        next: Box<Lease>,
        /// Whether certainly nobody was in this state before.
        fresh: bool,
    },
    /// It waits, or is at rest (then with a job's last state).
    Rest(Option<Box<JobState>>),
}

async fn job_step(
    pool: &Pool,
    observer: &dyn Observer,
    lease: &LeaseRef,
    mut job: JobRecord,
    fresh: bool,
) -> Result<Step, PipelineError> {
    let context = pool.common();
    let now = context.ledger.now().await?;
    // Until the part is written that takes it.
    let mut place = None;
    let result = job_effect(pool, &job, fresh, now, &mut place).await;
    let first =
        !matches!(&result, Ok(JobEvent::Claimed { first: false } | JobEvent::Assembled { first: false, .. }));
    let now = context.ledger.now().await?;
    let commit = match result {
        Ok(event) => {
            let birth = birth(&event, now);
            if let JobEvent::Assembled { input, .. } = &event {
                job.input = input.clone();
            }
            let input = matches!(event, JobEvent::Assembled { .. }).then(|| job.input.clone());
            let wake = match &event {
                JobEvent::Published { .. } if job.is_bundle() => members_to_wake(context, &job).await,
                _ => Vec::new(),
            };
            let step = advance_job(&job.state, event, now)?;
            let parts = new_parts(context, &job, &step.state, &birth, now);
            let keep = step.due_at <= now && !step.state.is_at_rest();
            JobCommit { parts, input, wake, keep, ..JobCommit::new(step.state, step.due_at) }
        }
        Err(error) => {
            let failures = job.failures + 1;
            let problem = error.problem(job.problem.as_ref(), now);
            let path = job.input.location.to_string();
            observer.event(&Event::Problem { job: &job.key, path, problem: &problem });
            let due_at = now.after(context.backoff(failures, error.wait));
            JobCommit { failures, problem: Some(problem), ..JobCommit::new(job.state.clone(), due_at) }
        }
    };
    let changed = commit.state.name() != job.state.name();
    job.state = commit.state.clone();
    let on_their_way: Vec<_> =
        commit.parts.iter().filter(|part| part.state != PartState::Ready).cloned().collect();
    let next = write(context, lease, Commit::Job(commit)).await?;
    if changed {
        observer.event(&Event::Job(&job));
    }
    on_their_way.iter().for_each(|part| observer.event(&Event::Part(part)));
    if job.state.is_at_rest() {
        // Its members are the files that somebody counts.
        return Ok(Step::Rest((!job.is_bundle()).then(|| Box::new(job.state))));
    }
    Ok(next.map_or(Step::Rest(None), |next| Step::Go { next: Box::new(next), fresh: first }))
}

/// Commits, patiently: a ledger that is away may come back while the lease holds. Trying again is safe, for a commit is
/// bound to the version that was read; if the first try got through, the second is fenced and the record is dropped.
pub(super) async fn write(
    context: &Context,
    lease: &LeaseRef,
    commit: Commit,
) -> Result<Option<Lease>, LedgerError> {
    let (started, patience) = (Instant::now(), context.options.run.lease.mul_f64(2.0 / 3.0));
    let mut tries = 0;
    loop {
        match context.ledger.commit(lease, commit.clone()).await {
            Err(error) if error.kind == LedgerErrorKind::Unavailable && started.elapsed() < patience => {
                tries += 1;
                sleep(context.backoff(tries, None).min(patience / 4)).await;
            }
            other => return other,
        }
    }
}

/// The one effect of a job's state.
async fn job_effect<'p>(
    pool: &'p Pool,
    job: &JobRecord,
    fresh: bool,
    now: Timestamp,
    place: &mut Option<Place<'p>>,
) -> StageResult<JobEvent> {
    let context = pool.common();
    match &job.state {
        JobState::Seen => claim(pool, job, now).await,
        JobState::Merging { members } => assemble(context, job, members).await,
        JobState::Claimed => {
            if !fresh && let Some(decision) = read_decision(context, &job.key).await? {
                return published(context, &job.key, decision, now).await;
            }
            let fresh = fresh && is_untouched(pool, job).await;
            *place = early_place(pool, job, fresh, now).await?;
            let send = match place {
                Some(_) => Sending::Along,
                None if fresh => Sending::Nothing,
                None => Sending::PerhapsBefore,
            };
            let event = plan(pool, job, send, now).await?;
            match (&event, send) {
                (JobEvent::InputGone { .. }, Sending::Nothing) => forget(context, job).await?,
                (JobEvent::InputGone { .. }, _) => abandon(pool, job).await?,
                _ => {}
            }
            Ok(event)
        }
        JobState::Running { .. } => parts_resolved(pool, job, now).await,
        JobState::Publishing(publication) if job.is_bundle() => deliver(pool, job, publication).await,
        JobState::Publishing(publication) => publish(context, job, publication).await,
        JobState::Published { publication, .. } => clean_up(pool, job, publication, now).await,
        JobState::Done { .. }
        | JobState::Dropped { .. }
        | JobState::Foreign { .. }
        | JobState::Quarantined { .. } => {
            Err(StageError::local("the job is at rest; it should not have been claimed", None))
        }
    }
}

/// `RUNNING`: are all parts resolved?
async fn parts_resolved(pool: &Pool, job: &JobRecord, now: Timestamp) -> StageResult<JobEvent> {
    let context = pool.common();
    let query = JobQuery { key: Some(job.key.0.clone()), ..JobQuery::default() };
    let views = context.ledger.view(&query).await?;
    let parts = views.into_iter().next().map(|view| view.parts).unwrap_or_default();
    let mut results = Vec::with_capacity(parts.len());
    for part in parts {
        match part.state {
            PartState::Resolved(result) => results.push(*result),
            PartState::Quarantined { reason, .. } => {
                // A restored ledger misses results that it has published and removed itself, later.
                if let Some(event) = published_since(context, &job.key, &job.state, now).await? {
                    return Ok(event);
                }
                return Ok(JobEvent::Quarantine { reason: format!("part {}: {reason}", part.key.part) });
            }
            _ => return Ok(JobEvent::PartsPending),
        }
    }
    let replaced = |failure: &PartFailure| failure.is_input_replaced();
    if results.iter().all(|result| result.failure.as_ref().is_some_and(replaced)) {
        // Nothing was paid for: the new version, if there is one, is a job of its own.
        abandon(pool, job).await?;
        return Ok(JobEvent::InputGone { reason: "the file was changed before it was sent".into() });
    }
    Ok(JobEvent::PartsResolved { parts: results })
}

/// The first state of a part, and its deployment if that is decided.
type Birth = (PartState, Option<DeploymentId>);

fn birth(event: &JobEvent, now: Timestamp) -> Birth {
    match event {
        JobEvent::Recovered { .. } => (PartState::Recovering { since: now }, None),
        JobEvent::Planned { early: Early::Stored { file, deployment }, .. } => {
            let input = ServiceInput::File(file.clone());
            let submission = Submission::new(1, input, Strays::default());
            (PartState::Uploaded(submission), Some(deployment.clone()))
        }
        _ => (PartState::Ready, None),
    }
}

/// They look by themselves as well, if not as soon.
async fn members_to_wake(context: &Context, bundle: &JobRecord) -> Vec<PartKey> {
    let members = members_of(context, &bundle.key).await.unwrap_or_default();
    members.into_iter().map(|member| member.part).collect()
}

/// The parts of a job that has just been planned. A small one waits for others that it can be sent with.
fn new_parts(
    context: &Context,
    job: &JobRecord,
    state: &JobState,
    birth: &Birth,
    now: Timestamp,
) -> Vec<PartRecord> {
    let (JobState::Seen | JobState::Claimed, JobState::Running { plan, .. }) = (&job.state, state) else {
        return Vec::new();
    };
    let JobPlan { parts, .. } = plan.as_ref();
    let merge = context.options.limits.merge.filter(|merge| !job.is_bundle() && is_small(plan, merge));
    let due_at = match merge {
        Some(merge) if birth.0 == PartState::Ready => now.after(merge.wait),
        _ => now,
    };
    parts
        .iter()
        .map(|part| PartRecord {
            key: PartKey { job: job.key.clone(), part: part.number, attempt: 1 },
            plan: part.clone(),
            input: job.input.clone(),
            state: birth.0.clone(),
            deployment: birth.1.clone(),
            spending: None,
            remote: None,
            cancel: None,
            version: 0,
            failures: 0,
            problem: None,
            due_at,
            updated_at: now,
        })
        .collect()
}
