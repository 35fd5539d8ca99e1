//! The books: what is reserved, who waits, and what is spent.

use std::time::Duration;

use super::{claim_parts, discover_one, job_commit, request, running, submitted, uploading};
use crate::{
    ledger::{Account, Commit, JobQuery, Lease, LeaseRef, Ledger, PartCommit},
    model::{
        DeploymentId, PartRecord, PartState, ProblemKind, ServiceInput, Strays, Submission, Timestamp,
        TokenTotals,
    },
    quota::{Budget, Intent, QuotaChange, QuotaView, Used},
};

/// So many tokens fit, at 95 % of the limit.
const FIT: u64 = 950;
const LIMIT: u64 = 1000;

fn deployment() -> DeploymentId {
    DeploymentId::new("https://e", Some("d"))
}

fn submission() -> Submission {
    Submission::new(1, ServiceInput::File(aoai_batch_client::FileId("file".into())), Strays::default())
}

fn commit(state: PartState, account: Account) -> Commit {
    let (due_at, problem) = (Timestamp(0), None);
    Commit::Part(PartCommit { state, due_at, failures: 0, problem, keep: true, account, next: None })
}

fn intent(budgets: Vec<Budget>, cost: u64) -> Commit {
    let patience = Duration::from_mins(30);
    let intent = Intent { limit: Some(LIMIT), patience, cost, budgets };
    let state = PartState::Creating { submission: submission(), intent_at: Timestamp(0) };
    commit(state, Account { change: Some(QuotaChange::Intent(intent)), ..Account::default() })
}

fn give_back(state: PartState, change: Option<QuotaChange>, due_at: Timestamp) -> Commit {
    let account = Account { change, ..Account::default() };
    Commit::Part(PartCommit { state, due_at, failures: 0, problem: None, keep: false, account, next: None })
}

/// A running job whose parts take so many tokens each; they are uploaded to the deployment, and held.
async fn uploaded(ledger: &dyn Ledger, name: &str, tokens: &[u64]) -> Vec<LeaseRef> {
    let key = discover_one(ledger, name).await;
    let claims = ledger.claim(&request(1, 0)).await.expect("claim");
    let lease = claims.leases.first().expect("the new job").reference().clone();
    let (state, mut parts) = running(&key, u32::try_from(tokens.len()).expect("a few parts"));
    for (part, quota) in parts.iter_mut().zip(tokens) {
        part.plan.tokens = TokenTotals { quota: *quota, ..TokenTotals::ZERO };
    }
    ledger.commit(&lease, job_commit(state, Timestamp::NEVER, parts)).await.expect("commit");
    let mut held = Vec::new();
    for (lease, _) in claim_parts(ledger, tokens.len(), 99).await {
        let change = Some(QuotaChange::Placed { weight: 2.0 });
        let account = Account { deployment: Some(deployment()), change, cost: None };
        let next = ledger.commit(&lease, commit(uploading(), account)).await.expect("commit");
        let lease = next.expect("kept").reference().clone();
        let state = PartState::Uploaded(submission());
        let next = ledger.commit(&lease, commit(state, Account::default())).await.expect("commit");
        held.push(next.expect("kept").reference().clone());
    }
    held
}

async fn books(ledger: &dyn Ledger) -> QuotaView {
    let mut books = ledger.quotas().await.expect("quotas");
    assert_eq!(books.len(), 1, "{books:?}");
    books.remove(0)
}

async fn part(ledger: &dyn Ledger, lease: &LeaseRef) -> PartRecord {
    let views = ledger.view(&JobQuery::default()).await.expect("view");
    let mut parts = views.into_iter().flat_map(|view| view.parts);
    parts.find(|part| crate::ledger::RecordKey::Part(part.key.clone()) == lease.key).expect("the part")
}

/// What does not fit waits, gives its lease back, and is due as soon as room is given back.
pub async fn an_intent_waits_for_room(ledger: &dyn Ledger) {
    let held = uploaded(ledger, "a", &[FIT - 100, 101, 100]).await;
    let first = ledger.commit(&held[0], intent(Vec::new(), 0)).await.expect("commit").expect("admitted");
    let refused = ledger.commit(&held[1], intent(Vec::new(), 0)).await.expect("commit");
    assert_eq!(refused, None, "there is no room for it");
    let waiting = part(ledger, &held[1]).await;
    assert!(waiting.state.waits_since().is_some(), "{:?}", waiting.state);
    assert_eq!(waiting.problem.map(|problem| problem.kind), Some(ProblemKind::Quota));
    let third = ledger.commit(&held[2], intent(Vec::new(), 0)).await.expect("commit").expect("it fits");
    let view = books(ledger).await;
    assert_eq!((view.reserved, view.waiting, view.coming), (FIT, 1, 101));
    assert!((view.record.placed - (FIT + 101) as f64 / 2.0).abs() < 1e-6, "{view:?}");
    assert!(claim_parts(ledger, 9, 99).await.is_empty(), "it waits");

    let Lease::Part { lease, .. } = third else { panic!("a part") };
    let created = Some(QuotaChange::Created { figure: None, limit: Some(2000) });
    let state = submitted("b");
    ledger.commit(&lease, give_back(state, created, Timestamp::NEVER)).await.expect("commit");
    assert!(claim_parts(ledger, 9, 99).await.is_empty(), "a batch that runs gives nothing back");
    let ended =
        Some(QuotaChange::Ended(Used { turnaround: Some(Duration::from_secs(5)), ..Used::default() }));
    let state = PartState::Ended { submission: Some(submission()), batch: None, failure: None };
    let lease = first.reference();
    ledger.commit(lease, give_back(state, ended, Timestamp::NEVER)).await.expect("commit");
    let woken = claim_parts(ledger, 9, 99).await;
    assert_eq!(woken.len(), 1, "the room that was given back wakes who waits for it");
    let again = ledger.commit(&woken[0].0, intent(Vec::new(), 0)).await.expect("commit");
    assert!(again.is_some(), "now it fits");
    let record = books(ledger).await.record;
    assert_eq!((record.created, record.learned_limit, record.turnaround_ms), (1, Some(2000), Some(5000)));
}

/// A refusal of the service lowers what is used, in the same transaction.
pub async fn a_refusal_lowers_the_limit(ledger: &dyn Ledger) {
    let held = uploaded(ledger, "a", &[400, 400]).await;
    ledger.commit(&held[0], intent(Vec::new(), 0)).await.expect("commit").expect("admitted");
    let second = ledger.commit(&held[1], intent(Vec::new(), 0)).await.expect("commit").expect("admitted");
    let mut postponed = submission();
    postponed.postponed_since = Some(Timestamp(1));
    let refused = give_back(
        PartState::Uploaded(postponed),
        Some(QuotaChange::Refused { limit: None }),
        Timestamp::NEVER,
    );
    ledger.commit(second.reference(), refused).await.expect("commit");
    let view = books(ledger).await;
    assert_eq!((view.reserved, view.waiting, view.record.refused), (400, 1, 1));
    let now = ledger.now().await.expect("now");
    assert_eq!(view.record.effective_limit(Some(LIMIT), now), Some(360));
}

/// A batch that would exceed a budget is not begun; what was expected is replaced by what was paid.
pub async fn a_budget_is_not_exceeded(ledger: &dyn Ledger) {
    let held = uploaded(ledger, "a", &[1, 1, 1]).await;
    let budget = || vec![Budget { name: "test", since: Timestamp(0), renewed: None, limit: 100 }];
    let first = ledger.commit(&held[0], intent(budget(), 60)).await.expect("commit").expect("admitted");
    assert_eq!(ledger.commit(&held[1], intent(budget(), 60)).await.expect("commit"), None);
    let waiting = part(ledger, &held[1]).await;
    assert_eq!(
        waiting.problem.map(|problem| (problem.kind, problem.lasting)),
        Some((ProblemKind::Budget, true))
    );
    assert_eq!(waiting.spending, None);
    assert_eq!(part(ledger, &held[0]).await.spending.map(|spending| spending.cost), Some(60));

    let account = Account { cost: Some(30), ..Account::default() };
    let state = PartState::Ended { submission: Some(submission()), batch: None, failure: None };
    let paid = ledger.commit(first.reference(), commit(state, account)).await.expect("commit");
    assert!(paid.is_some());
    assert_eq!(part(ledger, &held[0]).await.spending.map(|spending| spending.cost), Some(30));
    let third = ledger.commit(&held[2], intent(budget(), 70)).await.expect("commit");
    assert!(third.is_some(), "30 were paid, so 70 are left");
}

/// Two workers at once: the last of the room goes to one of them.
pub async fn two_intents_do_not_share_the_last_room(ledger: &dyn Ledger) {
    let held = uploaded(ledger, "a", &[FIT / 2 + 1; 8]).await;
    let budget = || vec![Budget { name: "test", since: Timestamp(0), renewed: None, limit: 100 }];
    let wishes = held.iter().map(|lease| ledger.commit(lease, intent(budget(), 1)));
    let admitted = futures::future::join_all(wishes).await;
    let admitted = admitted.into_iter().filter(|next| next.as_ref().expect("commit").is_some());
    assert_eq!(admitted.count(), 1);
    assert_eq!(books(ledger).await.reserved, FIT / 2 + 1);
}
