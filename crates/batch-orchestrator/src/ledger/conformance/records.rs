//! What is done to a ledger from outside: restored jobs, a person's decisions.

use aoai_batch_client::BatchStatus;

use super::{batch, claim_parts, part_commit, planned, quarantined, submitted};
use crate::{
    ledger::{JobQuery, JobView, Ledger, LedgerErrorKind},
    model::{JobKey, JobState, PartState, Timestamp},
};

/// What another ledger knew is taken in as it was, once.
pub async fn a_lost_job_is_restored_as_it_was(ledger: &dyn Ledger) {
    let key = planned(ledger, "a", 2).await;
    let mut view = ledger.view(&JobQuery::default()).await.expect("view").remove(0);
    assert_eq!(ledger.restore(std::slice::from_ref(&view)).await.expect("restore"), 0, "it is known");
    let other = JobKey(key.0.replace(|digit: char| digit.is_ascii_hexdigit(), "7"));
    view.job.key = other.clone();
    for part in &mut view.parts {
        part.key.job = other.clone();
        part.state = submitted("batch-7");
    }
    assert_eq!(ledger.restore(std::slice::from_ref(&view)).await.expect("restore"), 1);
    let query = JobQuery { key: Some(other.0.clone()), ..JobQuery::default() };
    let JobView { job, parts } = ledger.view(&query).await.expect("view").remove(0);
    assert_eq!((job.state, job.version), (view.job.state, 0));
    assert_eq!(parts.len(), 2);
    assert!(parts.iter().all(|part| part.state == submitted("batch-7")));
    let seen = [batch("batch-7", &BatchStatus::Completed)];
    assert_eq!(ledger.observe(&seen).await.expect("observe"), 2, "its batches are known");
}

/// By its place, exactly, whichever version of it; names that are odd in JSON or SQL included.
pub async fn a_job_is_found_by_its_input(ledger: &dyn Ledger) {
    let names = ["a", "a%", "a_", "a'b", "a\"b", "ä", "日本"];
    for name in names {
        planned(ledger, name, 1).await;
    }
    for name in names {
        let input = Some(super::input(name).location);
        let query = JobQuery { input, ..JobQuery::default() };
        let found = ledger.view(&query).await.expect("view");
        assert_eq!(found.len(), 1, "{name}");
        assert_eq!((Some(&found[0].job.input.location), found[0].parts.len()), (query.input.as_ref(), 1));
        let unfinished = JobQuery { unfinished: true, ..query };
        assert_eq!(ledger.view(&unfinished).await.expect("view").len(), 1);
    }
    let nobody = JobQuery { input: Some(super::input("b").location), ..JobQuery::default() };
    assert!(ledger.view(&nobody).await.expect("view").is_empty());
}

/// What waits for a person is found without looking at anything else.
pub async fn what_waits_for_a_person_is_found(ledger: &dyn Ledger) {
    let (key, _) = (planned(ledger, "a", 1).await, planned(ledger, "b", 1).await);
    let query = JobQuery { quarantined: true, ..JobQuery::default() };
    assert!(ledger.view(&query).await.expect("view").is_empty());
    for (lease, part) in claim_parts(ledger, 9, 9).await {
        if part.key.job == key {
            ledger.commit(&lease, part_commit(quarantined(), Timestamp::NEVER, false)).await.expect("commit");
        }
    }
    let lease = ledger.claim(&super::request(9, 9)).await.expect("claim").leases.remove(0);
    let job = ledger
        .view(&JobQuery { key: Some(key.0.clone()), ..JobQuery::default() })
        .await
        .expect("view")
        .remove(0)
        .job;
    let state = JobState::Quarantined { reason: "test".into(), was: Box::new(job.state) };
    let commit = super::job_commit(state, Timestamp::NEVER, Vec::new());
    ledger.commit(lease.reference(), commit).await.expect("commit");
    let found = ledger.view(&query).await.expect("view");
    assert_eq!(found.iter().map(|view| &view.job.key).collect::<Vec<_>>(), [&key]);
}

/// A person's decision moves what is at rest, in the version that the person saw, and nothing else.
pub async fn a_decision_is_for_what_is_at_rest(ledger: &dyn Ledger) {
    planned(ledger, "a", 1).await;
    let (lease, part) = claim_parts(ledger, 9, 9).await.remove(0);
    let decide = |version| {
        let commit = part_commit(PartState::Ready, Timestamp(0), false);
        ledger.resolve(&lease.key, version, commit)
    };
    let error = decide(part.version).await.expect_err("it is being worked on");
    assert_eq!(error.kind, LedgerErrorKind::Fenced);
    ledger.commit(&lease, part_commit(quarantined(), Timestamp::NEVER, false)).await.expect("commit");
    let error = decide(part.version).await.expect_err("the person saw another version");
    assert_eq!(error.kind, LedgerErrorKind::Fenced);
    decide(part.version + 1).await.expect("the decision");
    let again = decide(part.version + 1).await.expect_err("once is enough");
    assert_eq!(again.kind, LedgerErrorKind::Fenced);
    let (next, part) = claim_parts(ledger, 9, 9).await.remove(0);
    assert!(next.fence > lease.fence);
    assert_eq!(part.state, PartState::Ready);
}
