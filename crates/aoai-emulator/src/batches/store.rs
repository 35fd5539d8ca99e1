//! The index of batches.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use super::{Batch, plan::Hits};
use crate::{clock::Stamp, config::ExpiryConfig};

/// Batches in order of creation; they are never removed.
#[derive(Debug, Default)]
pub(crate) struct BatchStore {
    batches: Vec<Arc<Batch>>,
    positions: HashMap<String, usize>,
    drawn: u64,
    /// Batches that the rule is about.
    met: u32,
    expired: u32,
    /// Locked on its own: drawing for a large batch takes a while.
    pub(super) hits: Arc<Mutex<Hits>>,
}

impl BatchStore {
    /// The number of the next batch.
    pub(super) fn next_number(&mut self) -> u64 {
        self.drawn += 1;
        self.drawn
    }

    /// Whether the next batch, of this input, is one that expires.
    pub(super) fn take_expiry(
        &mut self,
        config: Option<&ExpiryConfig>,
        filename: &str,
    ) -> Option<ExpiryConfig> {
        let expiry = config?;
        let meant = expiry.filename_contains.as_deref().is_none_or(|part| filename.contains(part));
        if !meant {
            return None;
        }
        self.met += 1;
        let turn = expiry.every.is_none_or(|every| self.met.is_multiple_of(every.max(1)));
        if !turn || expiry.times.is_some_and(|times| self.expired >= times) {
            return None;
        }
        self.expired += 1;
        Some(expiry.clone())
    }

    pub(super) fn insert(&mut self, batch: Arc<Batch>) {
        self.positions.insert(batch.id.clone(), self.batches.len());
        self.batches.push(batch);
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<Batch>> {
        self.positions.get(id).map(|at| self.batches[*at].clone())
    }

    /// Oldest first.
    pub(crate) fn all(&self) -> &[Arc<Batch>] {
        &self.batches
    }

    /// Batches that read this file and have not ended.
    pub(crate) fn users_of(&self, file_id: &str, now: Stamp) -> Vec<Arc<Batch>> {
        let uses =
            |batch: &&Arc<Batch>| batch.input_file_id == file_id && !batch.due(now).status.is_terminal();
        self.batches.iter().filter(uses).cloned().collect()
    }

    /// Tokens of all batches of a deployment that have not ended.
    pub(crate) fn enqueued_tokens(&self, deployment: &str, now: Stamp) -> u64 {
        self.batches
            .iter()
            .filter(|batch| !batch.due(now).status.is_terminal() && batch.steering().refused.is_none())
            .filter_map(|batch| batch.prepared.get())
            .filter(|prepared| prepared.scan.deployment.as_deref() == Some(deployment))
            .map(|prepared| prepared.tokens)
            .sum()
    }
}
