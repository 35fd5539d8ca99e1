//! Bundles: many parts that become the members of one job.

use adls_io::{ETag, Location};

use super::{input, job_commit, request, running, uploading};
use crate::{
    ledger::{Commit, Gathering, JobCommit, JobQuery, Lease, LeaseRef, Ledger, LedgerErrorKind},
    model::{InputSnapshot, JobKey, JobRecord, JobState, PartKey, PartRecord, PartState, Timestamp},
};

/// Three jobs with a part each, all of them `Ready`.
async fn three_parts(ledger: &dyn Ledger) -> Vec<PartRecord> {
    let inputs = ["a", "b", "c"].map(input);
    ledger.discover("account", &inputs, Timestamp(0)).await.expect("the suite is told what it asks for");
    for lease in ledger.claim(&request(10, 10)).await.expect("the suite is told what it asks for").leases {
        let Lease::Job { lease, record } = lease else { panic!("only jobs are there") };
        let (state, parts) = running(&record.key, 1);
        ledger
            .commit(&lease, job_commit(state, Timestamp::NEVER, parts))
            .await
            .expect("the suite is told what it asks for");
    }
    let views = ledger.view(&JobQuery::default()).await.expect("the suite is told what it asks for");
    let mut parts: Vec<_> = views.into_iter().flat_map(|view| view.parts).collect();
    parts.sort_by(|a, b| a.key.cmp(&b.key));
    parts
}

fn gathering(members: &[PartRecord], number: i64) -> Gathering {
    let keys: Vec<PartKey> = members.iter().map(|part| part.key.clone()).collect();
    let key = JobKey::of_bundle("ledger", &keys, Timestamp(number));
    let now = Timestamp(number);
    Gathering {
        bundle: JobRecord {
            key,
            input: InputSnapshot { etag: ETag(String::new()), ..input("bundle") },
            state: JobState::Merging { members: Vec::new() },
            cancel: None,
            version: 0,
            failures: 0,
            problem: None,
            due_at: now,
            created_at: now,
            updated_at: now,
        },
        members: members.iter().map(|part| (part.key.clone(), part.version)).collect(),
        due_at: Timestamp::NEVER,
    }
}

async fn part(ledger: &dyn Ledger, key: &PartKey) -> PartRecord {
    let views = ledger.view(&JobQuery::default()).await.expect("the suite is told what it asks for");
    views
        .into_iter()
        .flat_map(|view| view.parts)
        .find(|part| part.key == *key)
        .expect("the suite is told what it asks for")
}

/// All members or none; whoever held one has lost it.
///
/// # Panics
/// At the first difference.
pub async fn a_bundle_takes_all_of_its_members_or_none(ledger: &dyn Ledger) {
    let parts = three_parts(ledger).await;
    // Somebody else has the last one, and goes on with it.
    let leases = ledger.claim(&request(10, 10)).await.expect("the suite is told what it asks for").leases;
    let held = |key: &PartKey| -> LeaseRef {
        let mine = |lease: &&Lease| matches!(lease, Lease::Part { record, .. } if record.key == *key);
        leases.iter().find(mine).expect("the suite is told what it asks for").reference().clone()
    };
    let last = held(&parts[2].key);
    ledger
        .commit(&last, super::part_commit(uploading(), Timestamp::NEVER, false))
        .await
        .expect("the suite is told what it asks for");
    assert!(
        !ledger.gather(&gathering(&parts, 1)).await.expect("the suite is told what it asks for"),
        "one of them is on its way"
    );
    for before in &parts[..2] {
        assert_eq!(part(ledger, &before.key).await.state, PartState::Ready, "nothing was changed");
    }
    assert_eq!(
        ledger.view(&JobQuery::default()).await.expect("the suite is told what it asks for").len(),
        3,
        "there is no such job"
    );

    let two = gathering(&parts[..2], 2);
    assert!(ledger.gather(&two).await.expect("the suite is told what it asks for"));
    assert!(!ledger.gather(&two).await.expect("the suite is told what it asks for"), "and not again");
    let bundle = two.bundle.key;
    for before in &parts[..2] {
        let after = part(ledger, &before.key).await;
        assert_eq!(after.state, PartState::Merged { bundle: bundle.clone() });
        assert_eq!((after.version, after.due_at), (before.version + 1, Timestamp::NEVER));
        let late = held(&before.key);
        let error = ledger.commit(&late, super::part_commit(uploading(), Timestamp::NEVER, false)).await;
        assert_eq!(error.expect_err("it is refused").kind, LedgerErrorKind::Fenced, "its holder has lost it");
    }
    let view = ledger
        .view(&JobQuery { key: Some(bundle.0), ..JobQuery::default() })
        .await
        .expect("the suite is told what it asks for");
    assert_eq!(view[0].job.state.name(), "merging");
}

/// The input of a bundle is known after its job; and its end makes its members due.
///
/// # Panics
/// At the first difference.
pub async fn a_bundle_gets_its_input_and_wakes_its_members(ledger: &dyn Ledger) {
    let parts = three_parts(ledger).await;
    let gathering = gathering(&parts, 1);
    assert!(ledger.gather(&gathering).await.expect("the suite is told what it asks for"));
    let claims = ledger.claim(&request(10, 10)).await.expect("the suite is told what it asks for");
    let [Lease::Job { lease, .. }] = claims.leases.as_slice() else { panic!("{claims:?}") };
    let found = InputSnapshot {
        location: Location::new(
            "out",
            adls_io::LakePath::parse("bundle").expect("the suite is told what it asks for"),
        ),
        etag: ETag("7".into()),
        size: 9,
        modified_ms: 5,
    };
    let commit = JobCommit {
        input: Some(found.clone()),
        keep: true,
        ..JobCommit::new(JobState::Claimed, Timestamp(0))
    };
    let kept = ledger.commit(lease, Commit::Job(commit)).await.expect("the suite is told what it asks for");
    let Some(Lease::Job { lease, record }) = kept else { panic!("the lease is kept") };
    assert_eq!(record.input, found);
    assert!(
        ledger.claim(&request(10, 10)).await.expect("the suite is told what it asks for").leases.is_empty(),
        "the members wait"
    );
    let wake = parts.iter().map(|part| part.key.clone()).collect();
    let commit = JobCommit { wake, ..JobCommit::new(JobState::Claimed, Timestamp::NEVER) };
    ledger.commit(&lease, Commit::Job(commit)).await.expect("the suite is told what it asks for");
    let woken = ledger.claim(&request(10, 10)).await.expect("the suite is told what it asks for").leases;
    assert_eq!(woken.len(), 3, "{woken:?}");
    let input = ledger
        .view(&JobQuery { key: Some(record.key.0), ..JobQuery::default() })
        .await
        .expect("the suite is told what it asks for");
    assert_eq!(input[0].job.input, found, "it stays");
}
