//! What every [`Ledger`] must do; call each function on an empty ledger.
//!
//! They panic on the first difference, so they are for tests only.

mod attempts;
mod bundles;
mod cancel;
mod claimers;
mod quota;
mod records;
mod retention;

use std::time::Duration;

use adls_io::{ETag, LakePath, Location};
use aoai_batch_client::{Batch, BatchId, BatchStatus, FileId};

use super::{
    Account, ClaimRequest, Commit, InFlight, JobCommit, JobQuery, Lease, LeaseRef, Ledger, LedgerErrorKind,
    PartCommit, PollRequest, PollTurn, RecordKey, WorkerId,
};
use crate::model::{
    InputSnapshot, JobKey, JobPlan, JobState, PartKey, PartPlan, PartRecord, PartState, ServiceInput, Strays,
    Submission, Target, Timestamp, TokenTotals,
};

pub use attempts::a_further_attempt_keeps_the_job_waiting;
pub use bundles::{a_bundle_gets_its_input_and_wakes_its_members, a_bundle_takes_all_of_its_members_or_none};
pub use cancel::{a_cancelled_job_marks_its_parts, a_mark_is_handed_on_to_new_parts};
pub use claimers::{a_part_that_is_there_from_the_start_has_a_place, claimers_take_each_step_once};
pub use quota::{
    a_budget_is_not_exceeded, a_refusal_lowers_the_limit, an_intent_waits_for_room,
    two_intents_do_not_share_the_last_room,
};
pub use records::{
    a_decision_is_for_what_is_at_rest, a_job_is_found_by_its_input, a_lost_job_is_restored_as_it_was,
    what_waits_for_a_person_is_found,
};
pub use retention::what_is_finished_is_forgotten_and_not_repeated;

/// Makes a `#[tokio::test]` of every function of this suite.
///
/// `$open` is an async function without arguments that answers with `Some((ledger, guard))`: an empty ledger, and what
/// has to live as long; `None` skips the test.
#[macro_export]
macro_rules! ledger_conformance {
    ($open:path) => {
        $crate::ledger_conformance!(
            $open:
            discovering_is_idempotent,
            a_file_that_was_put_back_is_new,
            a_claim_is_exclusive_and_fenced,
            the_window_slides,
            workers_share_their_places,
            the_last_part_wakes_the_job,
            a_further_attempt_keeps_the_job_waiting,
            an_ended_batch_wakes_its_part,
            polling_takes_turns,
            a_name_belongs_to_one_job,
            a_foreign_job_is_looked_at_again,
            a_lost_job_is_restored_as_it_was,
            a_decision_is_for_what_is_at_rest,
            records_survive_the_round_trip,
            claimers_take_each_step_once,
            a_part_that_is_there_from_the_start_has_a_place,
            an_intent_waits_for_room,
            a_refusal_lowers_the_limit,
            a_budget_is_not_exceeded,
            two_intents_do_not_share_the_last_room,
            a_job_is_found_by_its_input,
            what_waits_for_a_person_is_found,
            a_cancelled_job_marks_its_parts,
            a_mark_is_handed_on_to_new_parts,
            what_is_finished_is_forgotten_and_not_repeated,
            a_bundle_takes_all_of_its_members_or_none,
            a_bundle_gets_its_input_and_wakes_its_members,
        );
    };
    ($open:path: $($name:ident,)*) => {$(
        #[tokio::test]
        async fn $name() {
            if let Some((ledger, _guard)) = $open().await {
                $crate::ledger::conformance::$name(&ledger).await;
            }
        }
    )*};
}

const TTL: Duration = Duration::from_secs(90);

fn input(name: &str) -> InputSnapshot {
    let path = LakePath::parse(name).expect("the suite uses legal names");
    InputSnapshot { location: Location::new("in", path), etag: ETag("1".into()), size: 1, modified_ms: 0 }
}

fn request(limit: usize, window: usize) -> ClaimRequest {
    ClaimRequest { worker: WorkerId("worker".into()), limit, window, admit: true, marked: false, ttl: TTL }
}

fn turn(worker: &str, hold: Duration) -> PollRequest {
    PollRequest { worker: WorkerId(worker.into()), endpoint: "service".into(), hold }
}

fn quarantined() -> PartState {
    PartState::Quarantined { reason: "test".into(), was: Box::new(PartState::Ready) }
}

fn job_commit(state: JobState, due_at: Timestamp, parts: Vec<PartRecord>) -> Commit {
    Commit::Job(JobCommit { parts, ..JobCommit::new(state, due_at) })
}

fn part_commit(state: PartState, due_at: Timestamp, keep: bool) -> Commit {
    Commit::Part(PartCommit {
        state,
        due_at,
        failures: 0,
        problem: None,
        keep,
        account: Account::default(),
        next: None,
    })
}

fn uploading() -> PartState {
    PartState::Uploading { generation: 1, since: Timestamp(0), strays: Strays::default() }
}

fn submitted(batch: &str) -> PartState {
    PartState::Submitted {
        submission: Submission::new(1, ServiceInput::File(FileId("file".into())), Strays::default()),
        batch_id: BatchId(batch.into()),
        since: Timestamp(77),
    }
}

fn running(key: &JobKey, parts: u32) -> (JobState, Vec<PartRecord>) {
    let plan = PartPlan {
        number: 1,
        first_line: 1,
        lines: 1,
        offset: 0,
        bytes: 1,
        upload_bytes: 1,
        tokens: TokenTotals::ZERO,
        named: None,
        again: None,
    };
    let records = (1..=parts)
        .map(|number| PartRecord {
            key: PartKey { job: key.clone(), part: number, attempt: 1 },
            plan: PartPlan { number, ..plan.clone() },
            input: input("a"),
            state: PartState::Ready,
            deployment: None,
            spending: None,
            remote: None,
            cancel: None,
            version: 0,
            failures: 0,
            problem: None,
            due_at: Timestamp(0),
            updated_at: Timestamp(0),
        })
        .collect();
    let at = Location::new("out", LakePath::root());
    let target = Target { processed: at.clone(), error: at, stem: "a".into(), extension: String::new() };
    let plan = JobPlan {
        sha256: String::new(),
        lines: 1,
        model: "m".into(),
        tokens: TokenTotals::ZERO,
        parts: vec![plan],
    };
    (JobState::Running { plan: Box::new(plan), target, planned_at: Timestamp(0), must_list: false }, records)
}

fn batch(id: &str, status: &BatchStatus) -> Batch {
    let json = serde_json::json!({ "id": id, "status": status.as_str() });
    serde_json::from_value(json).expect("a batch of two fields")
}

async fn discover_one(ledger: &dyn Ledger, name: &str) -> JobKey {
    let now = ledger.now().await.expect("now");
    ledger.discover("account", &[input(name)], now).await.expect("discover").remove(0)
}

/// Discovers an input and gives its job so many parts, all ready.
async fn planned(ledger: &dyn Ledger, name: &str, parts: u32) -> JobKey {
    let key = discover_one(ledger, name).await;
    let claims = ledger.claim(&request(1, 0)).await.expect("claim");
    let lease = claims.leases.first().expect("the new job").reference().clone();
    assert_eq!(lease.key, RecordKey::Job(key.clone()));
    let (state, parts) = running(&key, parts);
    ledger.commit(&lease, job_commit(state, Timestamp::NEVER, parts)).await.expect("commit");
    key
}

async fn claim_parts(ledger: &dyn Ledger, limit: usize, window: usize) -> Vec<(LeaseRef, PartRecord)> {
    let claims = ledger.claim(&request(limit, window)).await.expect("claim");
    let part = |lease| match lease {
        Lease::Part { lease, record } => Some((lease, *record)),
        Lease::Job { .. } => None,
    };
    claims.leases.into_iter().filter_map(part).collect()
}

/// The same input version is one job; another version is another.
pub async fn discovering_is_idempotent(ledger: &dyn Ledger) {
    let now = ledger.now().await.expect("now");
    let changed = InputSnapshot { etag: ETag("2".into()), ..input("a") };
    assert_eq!(ledger.discover("account", &[input("a")], now).await.expect("discover").len(), 1);
    assert_eq!(ledger.discover("account", &[input("a")], now).await.expect("discover").len(), 0);
    assert_eq!(ledger.discover("account", &[input("a"), changed], now).await.expect("discover").len(), 1);
    assert_eq!(ledger.view(&JobQuery::default()).await.expect("view").len(), 2);
}

/// A finished input version that is listed again later is a new job; one listed before it was finished is not.
pub async fn a_file_that_was_put_back_is_new(ledger: &dyn Ledger) {
    let before = ledger.now().await.expect("now");
    let key = discover_one(ledger, "a").await;
    let lease = ledger.claim(&request(1, 1)).await.expect("claim").leases.remove(0);
    let dropped = JobState::Dropped { reason: "test".into() };
    ledger
        .commit(lease.reference(), job_commit(dropped, Timestamp::NEVER, Vec::new()))
        .await
        .expect("commit");
    assert!(ledger.discover("account", &[input("a")], before).await.expect("discover").is_empty());
    let later = ledger.now().await.expect("now").after(Duration::from_secs(1));
    let again = ledger.discover("account", &[input("a")], later).await.expect("discover");
    assert_eq!(again.len(), 1);
    assert_ne!(again[0], key);
}

/// A record is held by one claimer; only the newest fence and version may write.
pub async fn a_claim_is_exclusive_and_fenced(ledger: &dyn Ledger) {
    discover_one(ledger, "a").await;
    let first = ledger.claim(&request(9, 9)).await.expect("claim").leases.remove(0);
    assert!(ledger.claim(&request(9, 9)).await.expect("claim").leases.is_empty());
    let held = first.reference();
    assert_eq!(ledger.heartbeat(std::slice::from_ref(held), TTL).await.expect("heartbeat").len(), 1);
    for stale in [
        LeaseRef { fence: held.fence - 1, ..held.clone() },
        LeaseRef { version: held.version - 1, ..held.clone() },
    ] {
        let commit = job_commit(JobState::Claimed, Timestamp(0), Vec::new());
        let error = ledger.commit(&stale, commit).await.expect_err("a stale lease must not write");
        assert_eq!(error.kind, LedgerErrorKind::Fenced);
    }
    ledger.commit(held, job_commit(JobState::Claimed, Timestamp(0), Vec::new())).await.expect("commit");
    let again = ledger.commit(held, job_commit(JobState::Seen, Timestamp(0), Vec::new())).await;
    assert_eq!(again.expect_err("given back").kind, LedgerErrorKind::Fenced);
    let late = ledger.heartbeat(std::slice::from_ref(held), TTL).await.expect("heartbeat");
    assert!(late.is_empty(), "a heartbeat that comes late must not take back what was given back");
    let next = ledger.claim(&request(9, 9)).await.expect("claim").leases.remove(0);
    assert!(next.reference().fence > held.fence, "the fence grows with every claim");
}

/// Never more parts in flight than the window; a place is free again when a part is resolved.
pub async fn the_window_slides(ledger: &dyn Ledger) {
    planned(ledger, "a", 5).await;
    let mut parts = claim_parts(ledger, 9, 2).await;
    assert_eq!(parts.len(), 2);
    assert!(claim_parts(ledger, 9, 2).await.is_empty(), "claimed parts occupy their places");
    let (lease, _) = parts.remove(0);
    ledger.commit(&lease, part_commit(uploading(), Timestamp::NEVER, false)).await.expect("commit");
    assert!(claim_parts(ledger, 9, 2).await.is_empty(), "parts in flight occupy their places");
    let claims = ledger.claim(&request(9, 2)).await.expect("claim");
    assert_eq!(claims.next_due, None, "a part that may not start is nothing to wake up for");
    let (lease, _) = parts.remove(0);
    ledger.commit(&lease, part_commit(quarantined(), Timestamp::NEVER, false)).await.expect("commit");
    assert_eq!(claim_parts(ledger, 9, 2).await.len(), 1);
}

/// The job wakes with the last of its parts, and not before.
pub async fn the_last_part_wakes_the_job(ledger: &dyn Ledger) {
    let key = planned(ledger, "a", 2).await;
    for (position, (lease, _)) in claim_parts(ledger, 9, 9).await.into_iter().enumerate() {
        assert!(
            ledger.claim(&request(9, 9)).await.expect("claim").leases.is_empty(),
            "too early: {position}"
        );
        ledger.commit(&lease, part_commit(quarantined(), Timestamp::NEVER, false)).await.expect("commit");
    }
    let woken = ledger.claim(&request(9, 9)).await.expect("claim").leases.remove(0);
    assert_eq!(woken.reference().key, RecordKey::Job(key.clone()));
    // A job that looked too early and goes back to sleep now is woken all the same.
    let (state, _) = running(&key, 0);
    ledger.commit(woken.reference(), job_commit(state, Timestamp::NEVER, Vec::new())).await.expect("commit");
    assert_eq!(ledger.claim(&request(9, 9)).await.expect("claim").leases.len(), 1);
}

/// A poll wakes the part whose batch has ended, and only that one.
pub async fn an_ended_batch_wakes_its_part(ledger: &dyn Ledger) {
    planned(ledger, "a", 2).await;
    for (lease, part) in claim_parts(ledger, 9, 9).await {
        let state = submitted(&format!("batch-{}", part.key.part));
        ledger.commit(&lease, part_commit(state, Timestamp::NEVER, false)).await.expect("commit");
    }
    let flight = ledger.poll_turn(&turn("worker", TTL)).await.expect("turn");
    assert_eq!(flight, PollTurn::Granted(InFlight { batches: 2, oldest: Some(Timestamp(77)) }));
    let seen = [batch("batch-1", &BatchStatus::InProgress), batch("batch-2", &BatchStatus::InProgress)];
    assert_eq!(ledger.observe(&seen).await.expect("observe"), 2);
    assert_eq!(ledger.observe(&seen).await.expect("observe"), 0, "nothing new, nothing written");
    assert!(claim_parts(ledger, 9, 9).await.is_empty());
    let seen = [batch("batch-1", &BatchStatus::Completed), batch("batch-9", &BatchStatus::Completed)];
    assert_eq!(ledger.observe(&seen).await.expect("observe"), 1);
    let woken = claim_parts(ledger, 9, 9).await;
    assert_eq!(woken.len(), 1);
    assert_eq!(woken[0].1.remote.as_ref().map(|seen| &seen.status), Some(&BatchStatus::Completed));
}

/// A new run looks again at what another ledger claimed.
pub async fn a_foreign_job_is_looked_at_again(ledger: &dyn Ledger) {
    discover_one(ledger, "a").await;
    let lease = ledger.claim(&request(1, 1)).await.expect("claim").leases.remove(0);
    let foreign = JobState::Foreign { owner: "other".into() };
    ledger
        .commit(lease.reference(), job_commit(foreign, Timestamp::NEVER, Vec::new()))
        .await
        .expect("commit");
    assert!(ledger.claim(&request(1, 1)).await.expect("claim").leases.is_empty(), "not within this run");
    ledger.retry_failed().await.expect("retry");
    let again = ledger.claim(&request(1, 1)).await.expect("claim").leases.remove(0);
    let Lease::Job { record, .. } = again else { panic!("it is a job") };
    assert_eq!(record.state, JobState::Seen);
}

/// What was written is read back as it was.
pub async fn records_survive_the_round_trip(ledger: &dyn Ledger) {
    let key = planned(ledger, "dir/ü #%?.jsonl", 1).await;
    let (lease, _) = claim_parts(ledger, 9, 9).await.remove(0);
    let kept = ledger.commit(&lease, part_commit(submitted("b"), Timestamp(5), true)).await.expect("commit");
    let Some(Lease::Part { record, .. }) = kept else { panic!("the lease was to be kept") };
    let query = JobQuery { key: Some(key.0[..8].to_owned()), ..JobQuery::default() };
    let view = ledger.view(&query).await.expect("view").remove(0);
    assert_eq!(view.job.input, input("dir/ü #%?.jsonl"));
    assert_eq!(view.parts, [*record]);
    assert_eq!(view.parts[0].state, submitted("b"));
}

/// The places of all living workers are one window; a worker that leaves takes its places with it.
pub async fn workers_share_their_places(ledger: &dyn Ledger) {
    planned(ledger, "a", 6).await;
    let of = |worker: &str, limit, window| ClaimRequest {
        worker: WorkerId(worker.into()),
        ..request(limit, window)
    };
    assert_eq!(ledger.claim(&of("one", 9, 2)).await.expect("claim").leases.len(), 2);
    assert_eq!(ledger.claim(&of("two", 9, 3)).await.expect("claim").leases.len(), 3);
    assert!(ledger.claim(&of("one", 9, 2)).await.expect("claim").leases.is_empty());
    ledger.claim(&of("two", 0, 0)).await.expect("two leaves");
    assert!(ledger.claim(&of("one", 9, 5)).await.expect("claim").leases.is_empty(), "its parts stay");
    assert_eq!(ledger.claim(&of("one", 9, 6)).await.expect("claim").leases.len(), 1);
}

/// One worker polls at a time, until its time runs out or it gives the turn back.
pub async fn polling_takes_turns(ledger: &dyn Ledger) {
    let granted = |turn| matches!(turn, PollTurn::Granted(_));
    assert!(granted(ledger.poll_turn(&turn("one", TTL)).await.expect("turn")));
    assert!(granted(ledger.poll_turn(&turn("one", TTL)).await.expect("turn")), "it may ask again");
    let now = ledger.now().await.expect("now");
    let PollTurn::Until(until) = ledger.poll_turn(&turn("two", TTL)).await.expect("turn") else {
        panic!("two workers poll");
    };
    assert!(until > now);
    let other = PollRequest { endpoint: "other".into(), ..turn("two", TTL) };
    assert!(granted(ledger.poll_turn(&other).await.expect("turn")), "another endpoint is another turn");
    ledger.poll_turn(&turn("one", Duration::ZERO)).await.expect("turn");
    assert!(granted(ledger.poll_turn(&turn("two", TTL)).await.expect("turn")));
}

/// A name belongs to one job, until that job is at rest.
pub async fn a_name_belongs_to_one_job(ledger: &dyn Ledger) {
    let one = discover_one(ledger, "a").await;
    let lease = ledger.claim(&request(1, 1)).await.expect("claim").leases.remove(0);
    let two = discover_one(ledger, "b").await;
    for _ in 0..2 {
        assert!(ledger.reserve("out/a_1", &one).await.expect("reserve"));
        assert!(!ledger.reserve("out/a_1", &two).await.expect("reserve"));
    }
    let dropped = JobState::Dropped { reason: "test".into() };
    ledger
        .commit(lease.reference(), job_commit(dropped, Timestamp::NEVER, Vec::new()))
        .await
        .expect("commit");
    assert!(ledger.reserve("out/a_1", &two).await.expect("reserve"));
}
