//! Runs the checker.

use std::{
    collections::{BTreeSet, HashSet, VecDeque},
    fmt::Write as _,
};

use stateright::{Checker as _, HasDiscoveries, Model as _};

use crate::{Action, Doing, Event, Record, State, Submission, Variant, Worker, model::looked};

/// What the checker found.
#[derive(Debug, Clone)]
pub struct Found {
    /// Different states that were seen.
    pub states: usize,
    /// The longest of the shortest paths to them.
    pub depth: usize,
    /// The properties that must always hold, and do not.
    pub broken: BTreeSet<&'static str>,
    /// The properties that must hold sometimes, and never do.
    pub never: BTreeSet<&'static str>,
}

/// Looks at every state within the bounds; ends early only where everything is found that there is to find.
#[must_use]
pub fn check(model: Submission) -> Found {
    let checker = model.checker().spawn_bfs().join();
    let found: BTreeSet<_> = checker.discoveries().into_keys().collect();
    let properties = checker.model().properties();
    let (always, sometimes): (Vec<_>, Vec<_>) =
        properties.iter().partition(|property| property.expectation.discovery_is_failure());
    Found {
        states: checker.unique_state_count(),
        depth: checker.max_depth(),
        broken: always.iter().map(|property| property.name).filter(|name| found.contains(name)).collect(),
        never: sometimes.iter().map(|property| property.name).filter(|name| !found.contains(name)).collect(),
    }
}

/// The shortest path to a state where `property` does not hold, one step a line; `None` if it holds.
#[must_use]
pub fn counterexample(variant: &Variant, property: &'static str) -> Option<String> {
    let finish = HasDiscoveries::AnyOf([property].into());
    let checker = variant.model(false).checker().finish_when(finish).spawn_bfs().join();
    let path = checker.discovery(property)?.into_vec();
    let mut text = String::new();
    for ((state, action), number) in path.iter().zip(1..) {
        let Some(action) = action else { break };
        let after = path.get(number).map_or(state, |(after, _)| after);
        let _ = write!(text, "{number:3}. {}", action.describe(state));
        if after.record != state.record {
            let _ = write!(
                text,
                "\n       ledger: generation {}, {}",
                after.record.generation, after.record.stage
            );
        }
        text.push('\n');
    }
    Some(text)
}

/// Every write that the ledger takes in any reachable state: the row before, what was learned, the row after.
#[must_use]
pub fn transitions(model: &Submission) -> HashSet<(Record, Event, Record)> {
    let mut seen: HashSet<State> = model.init_states().into_iter().collect();
    let mut open: VecDeque<State> = seen.iter().cloned().collect();
    let mut writes = HashSet::new();
    while let Some(state) = open.pop_front() {
        for (action, next) in model.next_steps(&state) {
            if let Some(event) = model.learned(&state, action) {
                writes.insert((state.record, event, next.record));
            }
            if seen.insert(next.clone()) {
                open.push_back(next);
            }
        }
    }
    writes
}

impl Submission {
    /// What a write tells the ledger, if the step is one that it takes.
    fn learned(&self, state: &State, action: Action) -> Option<Event> {
        let at = match action {
            Action::Poll => return self.ended(state),
            Action::WriteIntent(at) | Action::Interrupt(at) | Action::Commit(at) => at,
            _ => return None,
        };
        match state.workers[usize::from(at)] {
            Worker::Busy { current: true, doing, generation, .. } => Some(match (action, doing) {
                (Action::WriteIntent(_), _) => looked(state, generation),
                (Action::Interrupt(_), _) => Event::Interrupted,
                (_, Doing::Answer(event)) => self.judged(state, event),
                _ => return None,
            }),
            _ => None,
        }
    }
}
