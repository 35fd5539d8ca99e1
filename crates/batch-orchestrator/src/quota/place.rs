//! Which deployment of a pool a part is sent to.

use std::time::Duration;

use super::QuotaView;
use crate::model::{DeploymentId, Timestamp};

/// So much of a limit may wait for room, as a fraction: more would keep parts from a deployment that has some.
const AHEAD: u64 = 4;

/// A deployment that could take a part.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Which.
    pub deployment: DeploymentId,
    /// Its share, beside those of the others.
    pub weight: f64,
    /// The configured limit, in tokens.
    pub limit: Option<u64>,
    /// What the part would cost there, in billionths of a dollar; `None` if its price is not known.
    pub cost: Option<u64>,
    /// Whether its endpoint has failed lately.
    pub shunned: bool,
}

/// What a part asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand {
    /// Tokens, by our figure.
    pub tokens: u64,
    /// What is left until its results are due.
    pub time_left: Option<Duration>,
}

/// Chooses among those that a part may come to: an endpoint that answers, before one that is quick enough, before one with room, before a cheaper one, before the
/// one that has had least of its share.
#[must_use]
pub fn place<'c>(
    candidates: &'c [Candidate],
    books: &[QuotaView],
    demand: Demand,
    now: Timestamp,
) -> Option<&'c Candidate> {
    let view = |candidate: &Candidate| books.iter().find(|view| view.deployment == candidate.deployment);
    // A price that is not known is no reason to prefer a deployment, nor to avoid it.
    let dearest = candidates.iter().filter_map(|candidate| candidate.cost).max().unwrap_or(0);
    let answering = candidates.iter().any(|candidate| !candidate.shunned);
    let open = candidates.iter().filter(|candidate| {
        // An endpoint that fails is better than none at all.
        !(answering && candidate.shunned) && may_come(candidate, view(candidate), demand.tokens, now)
    });
    open.min_by(|a, b| {
        let rank = |candidate: &Candidate| {
            let view = view(candidate);
            let slow = demand.time_left.is_some_and(|left| {
                let turnaround = view.and_then(|view| view.record.turnaround_ms).map(Duration::from_millis);
                turnaround.is_some_and(|turnaround| turnaround > left)
            });
            let cost = candidate.cost.unwrap_or(dearest);
            (slow, !has_room(candidate, view, demand.tokens, now), cost)
        };
        let share = |candidate: &Candidate| {
            let placed = view(candidate).map_or(0.0, |view| view.record.placed);
            placed + demand.tokens.max(1) as f64 / candidate.weight.max(f64::MIN_POSITIVE)
        };
        rank(a).cmp(&rank(b)).then_with(|| share(a).total_cmp(&share(b)))
    })
}

/// Whether a part may be brought there: there is room, or next to nothing waits there already, so that it is at hand when
/// there is.
fn may_come(candidate: &Candidate, view: Option<&QuotaView>, tokens: u64, now: Timestamp) -> bool {
    has_room(candidate, view, tokens, now)
        || view.is_none_or(|view| {
            let limit = view.record.effective_limit(candidate.limit, now).unwrap_or(u64::MAX);
            view.record.scaled(view.coming) < (limit / AHEAD).max(1)
        })
}

/// Whether there is room, once everything that is on its way there has arrived.
#[must_use]
pub fn has_room(candidate: &Candidate, view: Option<&QuotaView>, tokens: u64, now: Timestamp) -> bool {
    let Some(view) = view else { return true };
    let Some(limit) = view.record.effective_limit(candidate.limit, now) else { return true };
    let taken = view.reserved.saturating_add(view.coming);
    taken == 0 || view.record.scaled(taken.saturating_add(tokens)) <= limit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quota::{QuotaChange, QuotaRecord};

    const NOW: Timestamp = Timestamp(1_000_000);

    fn candidate(name: &str, weight: f64) -> Candidate {
        let deployment = DeploymentId(name.into());
        Candidate { deployment, weight, limit: Some(1000), cost: None, shunned: false }
    }

    fn view(name: &str, reserved: u64, placed: f64) -> QuotaView {
        let record = QuotaRecord { placed, ..QuotaRecord::default() };
        QuotaView { deployment: DeploymentId(name.into()), record, reserved, coming: 0, waiting: 0 }
    }

    fn chosen(candidates: &[Candidate], books: &[QuotaView], tokens: u64) -> String {
        let demand = Demand { tokens, time_left: None };
        place(candidates, books, demand, NOW).unwrap().deployment.0.clone()
    }

    #[test]
    fn shares_follow_the_weights() {
        let candidates = [candidate("a", 3.0), candidate("b", 1.0)];
        let mut books = [view("a", 0, 0.0), view("b", 0, 0.0)];
        let mut tokens = [0u64; 2];
        for number in 0..1000u64 {
            let size = 1 + number * 7919 % 100;
            let at = usize::from(chosen(&candidates, &books, size) == "b");
            let weight = candidates[at].weight;
            books[at].record.apply(&QuotaChange::Placed { weight }, size, 0, NOW);
            tokens[at] += size;
        }
        let share = tokens[0] as f64 / (tokens[0] + tokens[1]) as f64;
        assert!((share - 0.75).abs() < 0.01, "{share}");
    }

    #[test]
    fn what_is_full_is_passed_over_and_what_fails_is_the_last_resort() {
        let candidates = [candidate("a", 1.0), candidate("b", 1.0)];
        let books = [view("a", 900, 0.0), view("b", 100, 9e9)];
        assert_eq!(chosen(&candidates, &books, 100), "b");
        let full = [view("a", 900, 0.0), QuotaView { coming: 400, ..view("b", 900, 0.0) }];
        assert_eq!(chosen(&candidates, &full, 100), "a", "one may wait where none does");
        let full = full.map(|view| QuotaView { coming: 400, ..view });
        assert_eq!(place(&candidates, &full, Demand { tokens: 100, time_left: None }, NOW), None);
        let failing = [candidates[0].clone(), Candidate { shunned: true, ..candidates[1].clone() }];
        assert_eq!(chosen(&failing, &books, 100), "a");
        let both = failing.map(|candidate| Candidate { shunned: true, ..candidate });
        assert_eq!(chosen(&both, &books, 100), "b");
    }

    #[test]
    fn the_cheaper_one_is_filled_first() {
        let mut candidates = [candidate("a", 1.0), candidate("b", 1.0)];
        (candidates[0].cost, candidates[1].cost) = (Some(20), Some(10));
        assert_eq!(chosen(&candidates, &[view("b", 500, 9e9)], 100), "b");
        assert_eq!(chosen(&candidates, &[view("b", 900, 0.0)], 100), "a");
    }

    #[test]
    fn a_deadline_goes_before_price_and_share() {
        let mut candidates = [candidate("a", 1.0), candidate("b", 1.0)];
        (candidates[0].cost, candidates[1].cost) = (Some(10), Some(20));
        let mut books = [view("a", 0, 0.0), view("b", 0, 9e9)];
        books[0].record.turnaround_ms = Some(3_600_000);
        books[1].record.turnaround_ms = Some(60_000);
        let demand = |minutes| Demand { tokens: 1, time_left: Some(Duration::from_mins(minutes)) };
        assert_eq!(place(&candidates, &books, demand(30), NOW).unwrap().deployment.0, "b");
        assert_eq!(place(&candidates, &books, demand(90), NOW).unwrap().deployment.0, "a");
    }
}
