//! When each part would be let in, and when it would be done.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use crate::{
    model::{DeploymentId, Timestamp},
    quota::{Candidate, Demand, Intent, Load, QuotaView, place},
};

/// So many parts are looked at for one that fits, before time goes on: more would take long and change little.
const LOOKAHEAD: usize = 64;

/// A deployment, as far as it is known.
#[derive(Debug, Clone)]
pub struct Lane {
    /// What it is.
    pub candidate: Candidate,
    /// Its books.
    pub books: QuotaView,
    /// How long a batch is expected to take there.
    pub turnaround: Duration,
}

/// A part that wants to be sent.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Tokens, by our figure.
    pub tokens: u64,
    /// What it would cost at each lane, in billionths of a dollar.
    pub costs: Vec<Option<u64>>,
}

/// Where a part would go, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartForecast {
    /// The deployment; `None` if none would ever take it.
    pub deployment: Option<DeploymentId>,
    /// How long it would wait for room.
    pub waits: Duration,
    /// When its batch would have ended, from now on.
    pub done: Duration,
}

/// Plays admission over all parts, oldest first; `window`: batches at the service at once.
#[must_use]
pub fn forecast(lanes: &[Lane], wishes: &[Wish], window: usize, now: Timestamp) -> Vec<PartForecast> {
    let nothing = PartForecast { deployment: None, waits: Duration::ZERO, done: Duration::ZERO };
    let mut found = vec![nothing; wishes.len()];
    let mut lanes = lanes.to_vec();
    let mut running: BinaryHeap<Reverse<(Duration, usize, u64)>> = BinaryHeap::new();
    for (number, lane) in lanes.iter().enumerate().filter(|(_, lane)| lane.books.reserved > 0) {
        // Of what runs it is not known how far it is.
        running.push(Reverse((lane.turnaround, number, lane.books.reserved)));
    }
    let mut queue: Vec<usize> = (0..wishes.len()).collect();
    let mut time = Duration::ZERO;
    while !queue.is_empty() {
        let mut started = false;
        let mut at = 0;
        while at < queue.len().min(LOOKAHEAD) && running.len() < window.max(1) {
            let part = queue[at];
            let Some(lane) = lane_for(&lanes, &wishes[part], now) else {
                at += 1;
                continue;
            };
            queue.remove(at);
            started = true;
            let chosen = &mut lanes[lane];
            let weight = chosen.candidate.weight;
            chosen.books.reserved += wishes[part].tokens;
            chosen.books.record.placed += wishes[part].tokens.max(1) as f64 / weight.max(f64::MIN_POSITIVE);
            let done = time + chosen.turnaround;
            running.push(Reverse((done, lane, wishes[part].tokens)));
            found[part] =
                PartForecast { deployment: Some(chosen.candidate.deployment.clone()), waits: time, done };
        }
        match running.pop() {
            Some(Reverse((end, lane, tokens))) => {
                time = time.max(end);
                let books = &mut lanes[lane].books;
                books.reserved = books.reserved.saturating_sub(tokens);
            }
            None if started => {}
            // Nothing runs, and nothing is let in: nothing ever will be.
            None => break,
        }
    }
    found
}

fn lane_for(lanes: &[Lane], wish: &Wish, now: Timestamp) -> Option<usize> {
    let open = lanes.iter().zip(&wish.costs).filter(|(lane, _)| {
        let intent = Intent { limit: lane.candidate.limit, ..Intent::default() };
        let load = Load { tokens: wish.tokens, reserved: lane.books.reserved, ..Load::default() };
        lane.books.record.admit(&intent, &load, now).is_ok()
    });
    let candidates: Vec<Candidate> =
        open.map(|(lane, cost)| Candidate { cost: *cost, ..lane.candidate.clone() }).collect();
    let books: Vec<QuotaView> = lanes.iter().map(|lane| lane.books.clone()).collect();
    let chosen = place(&candidates, &books, Demand { tokens: wish.tokens, time_left: None }, now)?;
    lanes.iter().position(|lane| lane.candidate.deployment == chosen.deployment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quota::QuotaRecord;

    const HOUR: Duration = Duration::from_hours(1);

    fn lane(name: &str, limit: Option<u64>) -> Lane {
        let deployment = DeploymentId(name.into());
        let books = QuotaView {
            deployment: deployment.clone(),
            record: QuotaRecord::default(),
            reserved: 0,
            coming: 0,
            waiting: 0,
        };
        let candidate = Candidate { deployment, weight: 1.0, limit, cost: None, shunned: false };
        Lane { candidate, books, turnaround: HOUR }
    }

    fn wishes(tokens: &[u64], lanes: usize) -> Vec<Wish> {
        tokens.iter().map(|tokens| Wish { tokens: *tokens, costs: vec![None; lanes] }).collect()
    }

    #[test]
    fn what_does_not_fit_waits_for_a_turnaround() {
        let found = forecast(&[lane("a", Some(1000))], &wishes(&[400, 400, 400, 100], 1), 10, Timestamp(0));
        let waits: Vec<_> = found.iter().map(|part| part.waits).collect();
        assert_eq!(waits, [Duration::ZERO, Duration::ZERO, HOUR, Duration::ZERO]);
        assert_eq!(found[2].done, 2 * HOUR);
    }

    #[test]
    fn what_runs_already_is_in_the_way_and_so_is_the_window() {
        let mut busy = lane("a", Some(1000));
        busy.books.reserved = 900;
        assert_eq!(forecast(&[busy], &wishes(&[400], 1), 10, Timestamp(0))[0].waits, HOUR);
        let found = forecast(&[lane("a", None)], &wishes(&[1, 1, 1], 1), 2, Timestamp(0));
        assert_eq!(found[2].waits, HOUR);
    }

    #[test]
    fn two_deployments_halve_the_time() {
        let lanes = [lane("a", Some(1000)), lane("b", Some(1000))];
        let found = forecast(&lanes, &wishes(&[900; 8], 2), 10, Timestamp(0));
        assert_eq!(found.iter().map(|part| part.done).max(), Some(4 * HOUR));
        let at_a = found.iter().filter(|part| part.deployment.as_ref().is_some_and(|d| d.0 == "a")).count();
        assert_eq!(at_a, 4);
    }

    #[test]
    fn many_parts_are_played_in_time() {
        let found = forecast(&[lane("a", Some(1000))], &wishes(&[100; 20_000], 1), 1000, Timestamp(0));
        assert_eq!(found.iter().map(|part| part.done).max(), Some(HOUR * 20_000_u32.div_ceil(9)));
    }
}
