//! The look around at the start of a run, before anything is created.

use std::collections::{BTreeSet, HashSet};

use crate::{
    error::PipelineError,
    ledger::{JobQuery, JobView, LedgerError, LedgerErrorKind},
    merge::recall,
    model::{JobKey, JobRecord, JobState, Timestamp},
    reconcile::{Context, Pool},
    snapshot::{Marker, Markers, claim_markers, read_marker},
};

/// Takes in the jobs whose claim markers are ours, or of a ledger that is to be adopted, and that this ledger does not
/// know; then looks what the service has. Answers how many jobs were taken in.
///
/// # Errors
/// If lake, service or ledger cannot be reached: without this look nothing is sent.
pub(crate) async fn at_start(pool: &Pool) -> Result<u64, PipelineError> {
    let context = pool.common();
    let known = context.ledger.view(&JobQuery { unfinished: true, ..JobQuery::default() }).await?;
    let claims = context.layout.claims().map_err(|error| PipelineError::Options(error.to_string()))?;
    let markers = claim_markers(context.lake.as_ref(), &claims).await?;
    let restored = adopt_markers(context, &known, &markers).await?;
    pool.bundles().suspect(suspects(context, &known, &markers));
    let bundles = recall(context, pool.bundles(), &markers).await?;
    if restored + bundles > 0 || !known.is_empty() {
        look_around(pool).await?;
    }
    Ok(restored)
}

/// What each endpoint has of ours. One that does not answer does not keep the others from working; but if none does, nothing
/// is known, and nothing is sent.
async fn look_around(pool: &Pool) -> Result<(), PipelineError> {
    let (mut seen, mut failed) = (false, None);
    for member in pool.endpoints() {
        match member.context.survey.refresh(&member.context).await {
            Ok(()) => seen = true,
            Err(error) if error.ledger_away => {
                return Err(
                    LedgerError::new(LedgerErrorKind::Unavailable, "look around", error.message).into()
                );
            }
            Err(error) => {
                tracing::warn!(
                    endpoint = member.id.endpoint(),
                    error = error.message,
                    "cannot look around there"
                );
                pool.shun(member, pool.common().ledger.now().await?);
                failed = failed.or(Some(PipelineError::Start(error.message)));
            }
        }
    }
    match failed {
        Some(error) if !seen => Err(error),
        _ => Ok(()),
    }
}

async fn adopt_markers(
    context: &Context,
    known: &[JobView],
    markers: &Markers,
) -> Result<u64, PipelineError> {
    let account = &context.options.lake.account;
    let known: HashSet<JobKey> =
        known.iter().map(|view| JobKey::derive(account, &view.job.input, 0)).collect();
    let (mut lost, mut restored) = (Vec::new(), 0);
    for (_, at) in markers.iter().filter(|(key, _)| !known.contains(key)) {
        // Somebody else's, or unreadable: whoever meets it in its own job says so.
        if let Ok(Some((marker, _))) = read_marker(context, at).await
            && context.is_ours_or_adopted(&marker.ledger)
        {
            lost.push(view(marker, context.ledger.now().await?));
        }
        if lost.len() == 100 {
            restored += context.ledger.restore(&std::mem::take(&mut lost)).await?;
        }
    }
    Ok(restored + context.ledger.restore(&lost).await?)
}

/// Jobs that this ledger believes to be under way, and whose claim is gone: a later state of it has finished them.
fn suspects(context: &Context, known: &[JobView], markers: &Markers) -> BTreeSet<JobKey> {
    let account = &context.options.lake.account;
    let claimed = |view: &&JobView| markers.contains_key(&JobKey::derive(account, &view.job.input, 0));
    let running = known.iter().filter(|view| matches!(view.job.state, JobState::Running { .. }));
    running.filter(|view| !claimed(view) && !view.job.is_bundle()).map(|view| view.job.key.clone()).collect()
}

/// A job as it begins: its first step finds out how far it had come.
fn view(marker: Marker, now: Timestamp) -> JobView {
    let job = JobRecord {
        key: marker.job,
        input: marker.input,
        state: JobState::Seen,
        cancel: None,
        version: 0,
        failures: 0,
        problem: None,
        due_at: now,
        created_at: marker.since,
        updated_at: now,
    };
    JobView { job, parts: Vec::new() }
}
