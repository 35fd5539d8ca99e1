//! A part attempt, held: one effect at its deployment, and what it means for the books.

use super::{
    Context, Event, Observer, Pool,
    books::account,
    place::{better_place, place_of},
    pool::Member,
    step::{Step, write},
};
use crate::{
    collect::{Ending, harvest},
    error::{PipelineError, StageError, StageResult},
    ledger::{Account, Commit, LeaseRef, PartCommit},
    machine::{PartEvent, advance_part, next_attempt},
    merge::{Gathered, await_share, gather},
    model::{DeploymentId, PartRecord, PartState, Problem, ProblemKind, Timestamp},
    poll::{check, look_again, unwanted},
    quota::QuotaChange,
    recover::{ALREADY_PUBLISHED, already_submitted, ended_before, is_published, recover},
    submit::{create, fence, settle},
    upload::{await_processed, upload},
};

/// What an effect came to, and at which deployment.
pub(super) type Effect = (PartEvent, Option<DeploymentId>);

pub(super) async fn part_step(
    pool: &Pool,
    observer: &dyn Observer,
    lease: &LeaseRef,
    mut part: PartRecord,
    fresh: bool,
) -> Result<Step, PipelineError> {
    let context = pool.common();
    let now = context.ledger.now().await?;
    if part.state == PartState::Ready
        && !part.input.is_bundle()
        && part.plan.again.is_none()
        && part.cancel.is_none()
        && let Ok(Gathered::Gone) = gather(context, pool.bundles(), &part, now).await
    {
        return Ok(Step::Rest(None));
    }
    let result = match pool.of(part.deployment.as_ref()) {
        Ok(member) => {
            let result = effect(pool, member, &part, fresh, now).await;
            note(pool, member, &result, now);
            result
        }
        Err(error) => Err(error),
    };
    let now = context.ledger.now().await?;
    let commit = match result {
        Ok((event, deployment)) => {
            let account = account(pool, &part, &event, deployment, now);
            let next = match &event {
                PartEvent::Harvested(result) => next_attempt(&part, result, &context.options.attempts, now),
                _ => None,
            };
            let mut step = advance_part(&part.state, event, now, &context.timing())?;
            if step.due_at > now
                && let Ok(Some(at)) = look_again(context, &part.key.job, &step.state, now).await
            {
                step.due_at = step.due_at.min(at);
            }
            if part.cancel.is_some() && ends_at_once(&step.state) {
                step.due_at = now;
            }
            // One for which there is no place lets the others go first.
            let keep = step.due_at <= now && step.state != PartState::Ready;
            // What failed through several states is a failure like any other: it is counted, and a new run tries it.
            let failures = step.problem.as_ref().map_or(0, |_| step.state.setbacks());
            PartCommit {
                state: step.state,
                due_at: step.due_at,
                failures,
                problem: step.problem,
                keep,
                account,
                next: next.map(Box::new),
            }
        }
        Err(error) => {
            let failures = part.failures + 1;
            let problem = Some(error.problem(part.problem.as_ref(), now));
            let due_at = now.after(context.backoff(failures, error.wait));
            PartCommit {
                state: part.state.clone(),
                due_at,
                failures,
                problem,
                keep: false,
                account: Account::default(),
                next: None,
            }
        }
    };
    // That there is no place is how it is for many, and nothing has failed.
    if let Some(problem) = commit.problem.as_ref().filter(|_| commit.state != PartState::Ready) {
        let path = part.input.location.to_string();
        observer.event(&Event::Problem { job: &part.key.job, path, problem });
    }
    let changed =
        commit.state.name() != part.state.name() || commit.state.cancelling() != part.state.cancelling();
    let intent = matches!(commit.account.change, Some(QuotaChange::Intent(_)));
    let (state, attempt) = (commit.state.clone(), commit.next.clone());
    let next = write(context, lease, Commit::Part(commit)).await?;
    if intent && next.is_none() {
        // The ledger had no room for it: the part is where it was.
        observer.event(&Event::Waiting(&part));
        return Ok(Step::Rest(None));
    }
    part.state = state;
    if changed {
        pool.stir();
        observer.event(&Event::Part(&part));
    }
    if let Some(attempt) = attempt {
        observer.event(&Event::Part(&attempt));
    }
    Ok(next.map_or(Step::Rest(None), |next| Step::Go { next: Box::new(next), fresh: true }))
}

/// Whether a step can end what is not wanted any more, or ask for its end.
fn ends_at_once(state: &PartState) -> bool {
    match state {
        PartState::Ready | PartState::Uploading { .. } | PartState::Uploaded(_) => true,
        PartState::Submitted { submission, .. } => submission.cancelling.is_none(),
        _ => false,
    }
}

/// An endpoint that fails gets nothing new for a while.
fn note(pool: &Pool, member: &Member, result: &StageResult<Effect>, now: Timestamp) {
    match result {
        Err(error) if error.kind == ProblemKind::Service => pool.shun(member, now),
        Ok(_) => pool.answers(member),
        Err(_) => {}
    }
}

async fn effect(
    pool: &Pool,
    member: &Member,
    part: &PartRecord,
    fresh: bool,
    now: Timestamp,
) -> StageResult<Effect> {
    if let PartState::Ready | PartState::Uploading { .. } | PartState::Uploaded(_) = &part.state {
        for other in pool.endpoints() {
            if let Some(event) = already_submitted(&other.context, part).await? {
                return Ok((event, Some(other.id.clone())));
            }
        }
    }
    if let PartState::Ready | PartState::Recovering { .. } = &part.state
        && let Some(event) = in_a_bundle(pool, part).await?
    {
        return Ok((event, None));
    }
    if let PartState::Ready | PartState::Uploading { .. } | PartState::Uploaded(_) = &part.state
        && let Some(reason) = unwanted(pool.common(), part, now).await?
    {
        return Ok((PartEvent::Unwanted { reason }, None));
    }
    match &part.state {
        PartState::Merged { bundle } => {
            Ok((await_share(pool.common(), pool.bundles(), part, bundle, now).await?, None))
        }
        PartState::Recovering { since } => recover_anywhere(pool, part, *since, now).await,
        PartState::Ready => Ok(match place_of(pool, part, now).await? {
            Some(place) => (PartEvent::Admitted, Some(place)),
            None => {
                pool.fill(now);
                (PartEvent::NoPlace { problem: no_place(part, now) }, None)
            }
        }),
        PartState::Uploading { .. } | PartState::Uploaded(_) => {
            match better_place(pool, member, part, now).await? {
                Some(better) => {
                    leave(pool, member, part, now).await?;
                    Ok((PartEvent::Moved, Some(better)))
                }
                None => Ok(match there(member, part, fresh, now).await? {
                    PartEvent::FileReady => {
                        (ended_before(pool, part).await?.unwrap_or(PartEvent::FileReady), None)
                    }
                    event => (event, None),
                }),
            }
        }
        _ => Ok((there(member, part, fresh, now).await?, None)),
    }
}

/// Whether the lines of a part have been sent in a bundle of which this ledger knows nothing.
async fn in_a_bundle(pool: &Pool, part: &PartRecord) -> StageResult<Option<PartEvent>> {
    if let Some(bundle) = pool.bundles().of(&part.key) {
        return Ok(Some(PartEvent::Merged { bundle }));
    }
    if pool.bundles().is_suspect(&part.key.job) && is_published(pool.common(), &part.key.job).await? {
        return Ok(Some(PartEvent::Quarantine { reason: ALREADY_PUBLISHED.into() }));
    }
    Ok(None)
}

fn no_place(part: &PartRecord, now: Timestamp) -> Problem {
    Problem {
        kind: ProblemKind::Quota,
        message: format!(
            "waits for room: it needs {} tokens of a deployment's quota",
            part.plan.quota_tokens()
        ),
        hint: Some("it is sent by itself when running batches have ended".into()),
        lasting: false,
        since: part.problem.as_ref().map_or(now, |problem| problem.since),
    }
}

/// Takes back what was stored, where the endpoint can be reached; what cannot be taken back now is listed for in the end.
async fn leave(pool: &Pool, member: &Member, part: &PartRecord, now: Timestamp) -> StageResult<()> {
    match &part.state {
        PartState::Uploaded(submission) if !pool.is_shunned(member, now) => {
            fence(&member.context, submission).await.map(drop)
        }
        _ => Ok(()),
    }
}

fn not_created(part: &PartRecord, now: Timestamp) -> PartEvent {
    let problem = Problem {
        kind: ProblemKind::Service,
        message: "its end was asked for before a batch was created".into(),
        hint: None,
        lasting: false,
        since: part.problem.as_ref().map_or(now, |problem| problem.since),
    };
    PartEvent::CreatePostponed { wait: std::time::Duration::ZERO, problem, full: false }
}

/// A lost history may have been written at any endpoint.
async fn recover_anywhere(
    pool: &Pool,
    part: &PartRecord,
    since: Timestamp,
    now: Timestamp,
) -> StageResult<Effect> {
    let (mut found, mut nothing) = (None, None);
    for member in pool.endpoints() {
        let event = recover(&member.context, part, since, now).await?;
        match event {
            PartEvent::Adopted { .. } | PartEvent::Quarantine { .. } => {
                return Ok((event, Some(member.id.clone())));
            }
            PartEvent::NothingFound { looked_at } => {
                nothing = Some(nothing.map_or(looked_at, |earlier: Timestamp| earlier.min(looked_at)));
            }
            event => found = found.or(Some((event, Some(member.id.clone())))),
        }
    }
    let settled = since.after(pool.common().options.run.list_settle);
    let looked_at = match &found {
        Some((PartEvent::InputFound { looked_at, .. }, _)) => Some(*looked_at),
        _ => nothing,
    };
    // Everybody was asked, and there is no batch that was paid for.
    if looked_at.is_some_and(|at| at >= settled)
        && let Some(event) = ended_before(pool, part).await?
    {
        return Ok((event, None));
    }
    match (found, nothing) {
        (Some(found), _) => Ok(found),
        (None, Some(looked_at)) => {
            let place = place_of(pool, part, now).await?.unwrap_or_else(|| pool.members()[0].id.clone());
            Ok((PartEvent::NothingFound { looked_at }, Some(place)))
        }
        (None, None) => Err(StageError::local("there is no endpoint to look at", None)),
    }
}

/// The one effect of a part's state, at its deployment.
async fn there(member: &Member, part: &PartRecord, fresh: bool, now: Timestamp) -> StageResult<PartEvent> {
    let context: &Context = &member.context;
    let part = &Pool::as_sent(member, part);
    match &part.state {
        PartState::Uploading { generation, .. } => {
            // An older ledger does not know that somebody was here before.
            let fresh = fresh && context.survey.remembered(&part.key).await.files.is_empty();
            upload(context, part, *generation, fresh).await
        }
        PartState::Uploaded(submission) => await_processed(context, part, submission, now).await,
        // The mark was made just before the intent: nothing was sent of that yet.
        PartState::Creating { .. } if fresh && part.cancel.is_some() => Ok(not_created(part, now)),
        PartState::Creating { submission, .. } => create(context, part, submission, fresh, now).await,
        PartState::Uncertain { submission, .. } => settle(context, part, submission, now).await,
        PartState::Fencing { submission, deleted_at: None, .. } => fence(context, submission).await,
        PartState::Fencing { submission, .. } => settle(context, part, submission, now).await,
        PartState::Submitted { submission, batch_id, since } => {
            check(context, part, submission, batch_id, *since, now).await
        }
        PartState::Ended { submission, batch, failure } => {
            // What it told of its results may have been too early.
            let told_again = match batch {
                Some(batch) if part.failures > 0 => context.service.get_batch(&batch.id).await.ok(),
                _ => None,
            };
            let told_again = told_again.filter(|batch| batch.status.is_terminal());
            let batch = told_again.as_ref().or(batch.as_deref());
            let ending = Ending { submission: submission.as_ref(), batch, failure: failure.as_ref() };
            harvest(context, part, ending).await
        }
        PartState::Ready
        | PartState::Merged { .. }
        | PartState::Recovering { .. }
        | PartState::Resolved(_)
        | PartState::Quarantined { .. } => {
            Err(StageError::local("the part has nothing to do at its deployment", None))
        }
    }
}
