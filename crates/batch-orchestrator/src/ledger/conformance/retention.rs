//! What is forgotten after a while.

use super::{claim_parts, input, part_commit, planned, quarantined, request};
use crate::{
    ledger::{JobQuery, Ledger},
    model::{JobKey, JobState, Timestamp},
};

async fn keys(ledger: &dyn Ledger) -> Vec<JobKey> {
    ledger.view(&JobQuery::default()).await.expect("view").into_iter().map(|view| view.job.key).collect()
}

/// Finished jobs go with their parts, the oldest first and no more than asked for; what is unfinished stays. A version that is
/// put back later is another job than the one that was forgotten.
pub async fn what_is_finished_is_forgotten_and_not_repeated(ledger: &dyn Ledger) {
    let (finished, unfinished) = (planned(ledger, "a", 2).await, planned(ledger, "b", 1).await);
    for (lease, part) in claim_parts(ledger, 9, 9).await {
        if part.key.job == finished {
            ledger.commit(&lease, part_commit(quarantined(), Timestamp::NEVER, false)).await.expect("commit");
        }
    }
    let leases = ledger.claim(&request(9, 9)).await.expect("claim").leases;
    let dropped = JobState::Dropped { reason: "test".into() };
    ledger
        .commit(leases[0].reference(), super::job_commit(dropped, Timestamp::NEVER, Vec::new()))
        .await
        .expect("commit");
    let far = Timestamp(i64::MAX / 4);
    assert_eq!(ledger.prune(Timestamp(0), 9).await.expect("prune"), 0, "it is not that old");
    assert_eq!(ledger.prune(far, 0).await.expect("prune"), 0);
    assert_eq!(keys(ledger).await.len(), 2);
    assert_eq!(ledger.prune(far, 9).await.expect("prune"), 1);
    assert_eq!(ledger.prune(far, 9).await.expect("prune"), 0);
    assert_eq!(keys(ledger).await, [unfinished]);
    let back = ledger.discover("account", &[input("a")], far).await.expect("discover");
    assert_eq!(back.len(), 1, "somebody put it back");
    assert_ne!(back[0], finished, "the service may still know batches of that one");
}
