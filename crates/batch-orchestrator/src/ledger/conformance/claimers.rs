//! Eight at once.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aoai_batch_client::FileId;
use futures::future::join_all;

use super::{TTL, claim_parts, discover_one, input, job_commit, request, running};
use crate::{
    ledger::{ClaimRequest, JobQuery, Lease, Ledger, LedgerErrorKind, RecordKey, WorkerId},
    model::{DeploymentId, JobState, PartState, ServiceInput, Strays, Submission, Timestamp},
};

const CLAIMERS: usize = 8;
const JOBS: usize = 40;

/// Eight claimers at once, of whom some lose their leases before they write: each step of each job is taken once, and who
/// was overtaken writes nothing.
pub async fn claimers_take_each_step_once(ledger: &dyn Ledger) {
    let now = ledger.now().await.expect("now");
    let inputs: Vec<_> = (0..JOBS).map(|number| input(&format!("{number:02}"))).collect();
    assert_eq!(ledger.discover("account", &inputs, now).await.expect("discover").len(), JOBS);
    let books = Mutex::new(Books::default());
    join_all((0..CLAIMERS).map(|number| claimer(ledger, number, &books))).await;
    let Books { steps, fenced, .. } = books.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(steps.len(), JOBS);
    for (key, steps) in &steps {
        assert_eq!(*steps, ["claimed", "dropped"], "{key:?} took other steps ({fenced} were refused)");
    }
    let views = ledger.view(&JobQuery::default()).await.expect("view");
    assert!(views.iter().all(|view| view.job.version == 2 && view.job.state.is_at_rest()));
}

/// What was uploaded before its part was written takes a place, at its deployment; and nobody else gets a place that a worker
/// keeps for itself.
pub async fn a_part_that_is_there_from_the_start_has_a_place(ledger: &dyn Ledger) {
    let worker = WorkerId("worker".into());
    let free = |window| ledger.places(&worker, window, TTL);
    let key = discover_one(ledger, "a").await;
    let lease = ledger.claim(&request(1, 0)).await.expect("claim").leases.remove(0);
    assert_eq!(free(3).await.expect("places"), 3);
    let (state, mut parts) = running(&key, 4);
    let input = ServiceInput::File(FileId("file".into()));
    parts[0].state = PartState::Uploaded(Submission::new(1, input, Strays::default()));
    parts[0].deployment = Some(DeploymentId("service/d".into()));
    let uploaded = parts[0].clone();
    let commit = job_commit(state, Timestamp::NEVER, parts);
    ledger.commit(lease.reference(), commit).await.expect("commit");
    assert_eq!(free(3).await.expect("places"), 2);
    let books = ledger.quotas().await.expect("quotas");
    assert_eq!(
        books.iter().map(|view| &view.deployment).collect::<Vec<_>>(),
        [&DeploymentId("service/d".into())]
    );
    // One of three is kept: of those that wait, one is let in.
    let claimed = claim_parts(ledger, 9, 2).await;
    let names: Vec<_> = claimed.iter().map(|(_, part)| part.state.name()).collect();
    assert_eq!(names, ["uploaded", "ready"]);
    assert_eq!((&claimed[0].1.state, &claimed[0].1.deployment), (&uploaded.state, &uploaded.deployment));
    assert_eq!(free(3).await.expect("places"), 1);
    assert_eq!(free(1).await.expect("places"), -1, "more are taken than there are");
    assert_eq!(free(0).await.expect("places"), -2);
}

#[derive(Default)]
struct Books {
    fences: BTreeMap<(RecordKey, i64), usize>,
    steps: BTreeMap<RecordKey, Vec<&'static str>>,
    fenced: usize,
}

async fn claimer(ledger: &dyn Ledger, number: usize, books: &Mutex<Books>) {
    let books = || books.lock().unwrap_or_else(PoisonError::into_inner);
    for turn in 0.. {
        // Every third lease has run out when it arrives.
        let ttl = if (number + turn).is_multiple_of(3) { Duration::ZERO } else { TTL };
        let worker = WorkerId(format!("worker-{number}"));
        let claims = ledger
            .claim(&ClaimRequest { worker, limit: 3, window: 0, admit: true, marked: false, ttl })
            .await
            .expect("claim");
        if claims.unfinished == 0 {
            return;
        }
        for lease in claims.leases {
            let Lease::Job { lease, record } = lease else { panic!("there are no parts") };
            let taken = books().fences.insert((lease.key.clone(), lease.fence), number);
            assert_eq!(taken, None, "a fence belongs to one claim");
            let state = match record.state {
                JobState::Seen => JobState::Claimed,
                _ => JobState::Dropped { reason: "done".into() },
            };
            let (name, rests) = (state.name(), state.is_at_rest());
            let due_at = if rests { Timestamp::NEVER } else { Timestamp(0) };
            match ledger.commit(&lease, job_commit(state, due_at, Vec::new())).await {
                Ok(_) => books().steps.entry(lease.key).or_default().push(name),
                Err(error) if error.kind == LedgerErrorKind::Fenced => books().fenced += 1,
                Err(error) => panic!("commit: {error:?}"),
            }
        }
    }
}
