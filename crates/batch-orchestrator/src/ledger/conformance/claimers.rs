//! Eight at once.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures::future::join_all;

use super::{TTL, input, job_commit};
use crate::{
    ledger::{ClaimRequest, JobQuery, Lease, Ledger, LedgerErrorKind, RecordKey, WorkerId},
    model::{JobState, Timestamp},
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
            .claim(&ClaimRequest { worker, limit: 3, window: 0, admit: true, ttl })
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
