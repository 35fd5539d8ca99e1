//! A person's decision, written to the ledger. No worker needs to be stopped for it.

use crate::{
    ledger::{Account, Commit, JobCommit, JobView, Ledger, LedgerError, PartCommit, RecordKey},
    machine::{Resolution, Unresolvable, resolve_job, resolve_part},
    model::PartState,
};

/// Why a decision was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// It makes no sense for this job.
    #[error(transparent)]
    Unresolvable(#[from] Unresolvable),
    /// A batch can only be adopted by one part.
    #[error("{0} parts are quarantined, and a batch belongs to one of them")]
    Ambiguous(usize),
    /// The ledger failed, or the job has changed since it was looked at.
    #[error("the ledger refused the decision")]
    Ledger(#[from] LedgerError),
}

/// Decides over the quarantined parts of a job (`part`: over this one), and lets the job go on. Answers how many parts it
/// was about; none where the job as a whole was quarantined.
///
/// Every step can be repeated: a decision that was written by half is completed by the next.
///
/// # Errors
/// [`ResolveError`]; then nothing has changed, or only parts.
pub async fn resolve(
    ledger: &dyn Ledger,
    view: &JobView,
    part: Option<u32>,
    resolution: &Resolution,
) -> Result<usize, ResolveError> {
    let now = ledger.now().await?;
    let mut decided = Vec::new();
    for record in &view.parts {
        let meant = part.is_none_or(|number| number == record.key.part);
        if meant && matches!(record.state, PartState::Quarantined { .. }) {
            decided.push((record, resolve_part(&record.state, resolution, now)?));
        }
    }
    if decided.len() > 1 && matches!(resolution, Resolution::Adopt(_)) {
        return Err(ResolveError::Ambiguous(decided.len()));
    }
    let job = resolve_job(&view.job.state);
    if decided.is_empty() && job.is_ok() && *resolution != Resolution::Again {
        return Err(Unresolvable::NotAPart.into());
    }
    if decided.is_empty() && job.is_err() {
        return Err(Unresolvable::NotQuarantined.into());
    }
    for (record, state) in &decided {
        let commit = PartCommit {
            state: state.clone(),
            due_at: now,
            failures: 0,
            problem: None,
            keep: false,
            account: Account::default(),
            next: None,
        };
        let key = RecordKey::Part(record.key.clone());
        ledger.resolve(&key, record.version, Commit::Part(commit)).await?;
    }
    if let Ok(state) = job {
        let commit = JobCommit { parts: Vec::new(), ..JobCommit::new(state, now) };
        let key = RecordKey::Job(view.job.key.clone());
        ledger.resolve(&key, view.job.version, Commit::Job(commit)).await?;
    }
    Ok(decided.len())
}
