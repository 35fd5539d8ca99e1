//! One record, held: perform, advance, commit — until it has to wait.

use tokio::time::{Instant, sleep};

use super::{Context, Event, Observer, Pool, held::Held, part::part_step};
use crate::{
    cleanup::{abandon, clean_up, forget},
    collect::publish,
    error::{PipelineError, StageError, StageResult},
    ledger::{Commit, JobCommit, JobQuery, Lease, LeaseRef, LedgerError, LedgerErrorKind},
    machine::{JobEvent, advance_job},
    merge::{assemble, deliver, is_small, members_of},
    model::{JobPlan, JobRecord, JobState, PartFailure, PartKey, PartRecord, PartState, Timestamp},
    recover::{published, published_since, read_decision},
    snapshot::claim,
    validate::plan,
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
            Ok(Step::Go(next)) => (lease, fresh) = (*next, true),
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
    Go(Box<Lease>),
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
    let result = job_effect(pool, &job, fresh, now).await;
    let now = context.ledger.now().await?;
    let commit = match result {
        Ok(event) => {
            let first = match &event {
                JobEvent::Recovered { .. } => PartState::Recovering { since: now },
                _ => PartState::Ready,
            };
            if let JobEvent::Assembled { input } = &event {
                job.input = input.clone();
            }
            let input = matches!(event, JobEvent::Assembled { .. }).then(|| job.input.clone());
            let wake = match &event {
                JobEvent::Published { .. } if job.is_bundle() => members_to_wake(context, &job).await,
                _ => Vec::new(),
            };
            let step = advance_job(&job.state, event, now)?;
            let parts = new_parts(context, &job, &step.state, &first, now);
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
    let next = write(context, lease, Commit::Job(commit)).await?;
    if changed {
        observer.event(&Event::Job(&job));
    }
    if job.state.is_at_rest() {
        // Its members are the files that somebody counts.
        return Ok(Step::Rest((!job.is_bundle()).then(|| Box::new(job.state))));
    }
    Ok(next.map_or(Step::Rest(None), |next| Step::Go(Box::new(next))))
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
async fn job_effect(pool: &Pool, job: &JobRecord, fresh: bool, now: Timestamp) -> StageResult<JobEvent> {
    let context = pool.common();
    match &job.state {
        JobState::Seen => claim(context, job, now).await,
        JobState::Merging { members } => assemble(context, job, members).await,
        JobState::Claimed => {
            if !fresh && let Some(decision) = read_decision(context, &job.key).await? {
                return published(context, &job.key, decision, now).await;
            }
            let event = plan(context, job, now).await?;
            if matches!(event, JobEvent::InputGone { .. }) {
                forget(context, job).await?;
            }
            Ok(event)
        }
        JobState::Running { .. } => parts_resolved(pool, job, now).await,
        JobState::Publishing(publication) if job.is_bundle() => deliver(pool, job, publication).await,
        JobState::Publishing(publication) => publish(context, job, publication).await,
        JobState::Published { publication, .. } => clean_up(pool, job, publication).await,
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
    first: &PartState,
    now: Timestamp,
) -> Vec<PartRecord> {
    let (JobState::Seen | JobState::Claimed, JobState::Running { plan, .. }) = (&job.state, state) else {
        return Vec::new();
    };
    let JobPlan { parts, .. } = plan.as_ref();
    let merge = context.options.limits.merge.filter(|merge| !job.is_bundle() && is_small(plan, merge));
    let due_at = match merge {
        Some(merge) if *first == PartState::Ready => now.after(merge.wait),
        _ => now,
    };
    parts
        .iter()
        .map(|part| PartRecord {
            key: PartKey { job: job.key.clone(), part: part.number, attempt: 1 },
            plan: part.clone(),
            input: job.input.clone(),
            state: first.clone(),
            deployment: None,
            spending: None,
            remote: None,
            version: 0,
            failures: 0,
            problem: None,
            due_at,
            updated_at: now,
        })
        .collect()
}
