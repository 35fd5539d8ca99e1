//! The end that a person asks for.

use super::{claim_parts, part_commit, planned, quarantined, request, running, uploading};
use crate::{
    ledger::{Commit, JobCommit, JobQuery, Ledger, RecordKey},
    model::{JobKey, PartKey, PartRecord, PartState, Timestamp},
};

async fn parts(ledger: &dyn Ledger, key: &JobKey) -> Vec<PartRecord> {
    let query = JobQuery { key: Some(key.0.clone()), ..JobQuery::default() };
    ledger.view(&query).await.expect("view").remove(0).parts
}

/// Parts are marked and due at once: what waits needs no place for it, what is held is still held, and what comes later is
/// marked like its job.
pub async fn a_cancelled_job_marks_its_parts(ledger: &dyn Ledger) {
    let key = planned(ledger, "a", 3).await;
    // One part is under way and sleeps, one is held, and one waits for a place.
    let mut held = claim_parts(ledger, 2, 2).await;
    let (sleeping, part) = held.remove(0);
    let far = Timestamp(i64::MAX / 4);
    ledger.commit(&sleeping, part_commit(uploading(), far, false)).await.expect("commit");
    let other = planned(ledger, "b", 1).await;
    assert!(part.cancel.is_none());
    assert!(ledger.cancel(&key).await.expect("cancel"));
    assert!(ledger.cancel(&key).await.expect("cancel"), "once more does no harm");
    assert!(!ledger.cancel(&JobKey("0".repeat(24))).await.expect("cancel"), "nobody knows it");
    assert!(parts(ledger, &key).await.iter().all(|part| part.cancel.is_some()));
    assert!(parts(ledger, &other).await.iter().all(|part| part.cancel.is_none()));

    let woken = claim_parts(ledger, 9, 1).await;
    let keys: Vec<_> = woken.iter().map(|(_, part)| part.key.clone()).collect();
    assert_eq!(woken.len(), 2, "without a place for it: {keys:?}");
    assert!(woken.iter().all(|(_, part)| part.cancel.is_some() && part.key.job == key));
    // Whoever held it has not seen the mark, and is not put off by what it writes.
    let (lease, part) = held.remove(0);
    ledger.commit(&lease, part_commit(uploading(), far, false)).await.expect("the lease still holds");
    let again = claim_parts(ledger, 9, 9).await;
    assert!(again.iter().any(|(lease, _)| lease.key == RecordKey::Part(part.key.clone())), "{again:?}");
    // Now it has seen it: its own word counts.
    let (lease, _) = again.into_iter().find(|(_, found)| found.key == part.key).expect("it was there");
    tokio::time::sleep(std::time::Duration::from_millis(3)).await;
    ledger.commit(&lease, part_commit(uploading(), far, false)).await.expect("commit");
    assert!(claim_parts(ledger, 9, 9).await.iter().all(|(_, found)| found.key != part.key));

    // The attempt after it.
    let (lease, last) =
        woken.into_iter().find(|(_, found)| found.state == PartState::Ready).expect("one waits");
    let mut commit = part_commit(quarantined(), Timestamp::NEVER, false);
    let attempt = PartKey { attempt: 2, ..last.key.clone() };
    if let Commit::Part(commit) = &mut commit {
        commit.next = Some(Box::new(PartRecord { key: attempt.clone(), cancel: None, ..last }));
    }
    ledger.commit(&lease, commit).await.expect("commit");
    let next = claim_parts(ledger, 9, 0).await;
    let marked = next.iter().find(|(_, part)| part.key == attempt).expect("it is due, and needs no place");
    assert!(marked.1.cancel.is_some());
}

/// A job that is not planned yet hands its mark on to the parts that it is planned with; one at rest cannot be cancelled.
pub async fn a_mark_is_handed_on_to_new_parts(ledger: &dyn Ledger) {
    let key = planned(ledger, "a", 0).await;
    assert!(ledger.cancel(&key).await.expect("cancel"));
    let lease = ledger.claim(&request(9, 9)).await.expect("claim").leases.remove(0);
    let (state, parts_of) = running(&key, 2);
    let commit = Commit::Job(JobCommit { parts: parts_of, ..JobCommit::new(state, Timestamp::NEVER) });
    ledger.commit(lease.reference(), commit).await.expect("commit");
    assert_eq!(parts(ledger, &key).await.iter().filter(|part| part.cancel.is_some()).count(), 2);
    for (lease, _) in claim_parts(ledger, 9, 9).await {
        ledger.commit(&lease, part_commit(quarantined(), Timestamp::NEVER, false)).await.expect("commit");
    }
    let woken = ledger.claim(&request(9, 9)).await.expect("claim").leases.remove(0);
    let state = crate::model::JobState::Dropped { reason: "test".into() };
    ledger
        .commit(woken.reference(), super::job_commit(state, Timestamp::NEVER, Vec::new()))
        .await
        .expect("commit");
    assert!(!ledger.cancel(&key).await.expect("cancel"), "it is at rest");
}
