//! The end of jobs, on request.

use crate::{
    ledger::{JobQuery, JobView, Ledger, LedgerError},
    model::{JobKey, PartState},
};

/// Marks jobs for their end; answers with those that were marked. Whoever works on them does the rest: what was not sent is
/// never sent, a batch that runs is cancelled, and what it has answered is kept and published; the other lines are reported.
///
/// A file whose lines are under way in a bundle with those of other files keeps its place there: its lines cannot be taken out
/// of a batch. Cancelling the bundle ends it for all of its files.
///
/// # Errors
/// If the ledger fails; then some of them may be marked. Marking them again does no harm.
pub async fn cancel(ledger: &dyn Ledger, jobs: &[JobKey]) -> Result<Vec<JobKey>, LedgerError> {
    let mut marked = Vec::new();
    for job in jobs {
        if ledger.cancel(job).await? {
            marked.push(job.clone());
        }
    }
    Ok(marked)
}

/// Every job that is not at rest.
///
/// # Errors
/// If the ledger fails.
pub async fn unfinished(ledger: &dyn Ledger) -> Result<Vec<JobKey>, LedgerError> {
    let query = JobQuery { unfinished: true, ..JobQuery::default() };
    Ok(ledger.view(&query).await?.into_iter().map(|view| view.job.key).collect())
}

/// Whether nothing will happen to these jobs any more; those of which that is known are taken out, so that asking again costs one
/// look. A job that nobody knows is at rest; and one whose lines are in a bundle that goes on is not waited for.
///
/// # Errors
/// If the ledger fails.
pub async fn are_at_rest(ledger: &dyn Ledger, jobs: &mut Vec<JobKey>) -> Result<bool, LedgerError> {
    while let Some(job) = jobs.last() {
        let query = JobQuery { key: Some(job.0.clone()), unfinished: true, ..JobQuery::default() };
        let view = ledger.view(&query).await?.pop();
        if view.is_some_and(|view| bundle_of(&view).is_none_or(|bundle| jobs.contains(bundle))) {
            return Ok(false);
        }
        jobs.pop();
    }
    Ok(true)
}

/// The bundle that has all the lines of a job that are not settled yet.
#[must_use]
pub fn bundle_of(view: &JobView) -> Option<&JobKey> {
    let mut open = view.parts.iter().filter(|part| !part.state.is_at_rest()).map(|part| match &part.state {
        PartState::Merged { bundle } => Some(bundle),
        _ => None,
    });
    let first = open.next()??;
    open.all(|other| other == Some(first)).then_some(first)
}
