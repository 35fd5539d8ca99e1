//! What follows an attempt.

use super::{claim_parts, part_commit, planned, quarantined, request, uploading};
use crate::{
    ledger::{Commit, JobQuery, Ledger, RecordKey},
    model::{Again, InputSnapshot, PartKey, PartPlan, PartRecord, PartState, Settled, Timestamp},
};

/// The attempt after an attempt is written with its end, in one transaction: the job does not wake in between, and the new part
/// is found as it was written. A second commit cannot write it anew.
pub async fn a_further_attempt_keeps_the_job_waiting(ledger: &dyn Ledger) {
    let key = planned(ledger, "a", 1).await;
    let (lease, part) = claim_parts(ledger, 9, 9).await.remove(0);
    let again = Again {
        input: part.input.clone(),
        part: part.plan.clone(),
        sha256: "0".repeat(64),
        settled: Settled::default(),
        sent: None,
        avoid: None,
    };
    let next = PartRecord {
        key: PartKey { attempt: 2, ..part.key.clone() },
        plan: PartPlan { lines: 1, again: Some(Box::new(again)), ..part.plan.clone() },
        input: InputSnapshot { size: 7, ..part.input.clone() },
        ..part.clone()
    };
    let mut commit = part_commit(quarantined(), Timestamp::NEVER, false);
    if let Commit::Part(commit) = &mut commit {
        commit.next = Some(Box::new(next.clone()));
    }
    ledger.commit(&lease, commit.clone()).await.expect("commit");
    assert!(ledger.commit(&lease, commit).await.is_err(), "a transition is written once");
    let leases = ledger.claim(&request(9, 9)).await.expect("claim").leases;
    let keys: Vec<_> = leases.iter().map(|lease| lease.reference().key.clone()).collect();
    assert_eq!(keys, [RecordKey::Part(next.key.clone())], "the job waits for it");
    let query = JobQuery { key: Some(key.0.clone()), ..JobQuery::default() };
    let view = ledger.view(&query).await.expect("view").remove(0);
    assert_eq!(view.parts.iter().map(|part| part.key.attempt).collect::<Vec<_>>(), [1, 2]);
    let found = &view.parts[1];
    assert_eq!((&found.plan, &found.input, &found.state), (&next.plan, &next.input, &PartState::Ready));
    ledger
        .commit(leases[0].reference(), part_commit(uploading(), Timestamp(0), false))
        .await
        .expect("commit");
    let (lease, _) = claim_parts(ledger, 9, 9).await.remove(0);
    ledger.commit(&lease, part_commit(quarantined(), Timestamp::NEVER, false)).await.expect("commit");
    let woken = ledger.claim(&request(9, 9)).await.expect("claim").leases;
    assert_eq!(woken[0].reference().key, RecordKey::Job(key), "the last attempt wakes it");
}
