//! The leases that this process holds, for the heartbeat.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use crate::ledger::{LeaseRef, RecordKey};

/// Leases by record.
#[derive(Debug, Default)]
pub(super) struct Held(Mutex<BTreeMap<RecordKey, LeaseRef>>);

impl Held {
    pub(super) fn hold(&self, lease: &LeaseRef) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(lease.key.clone(), lease.clone());
    }

    pub(super) fn release(&self, key: &RecordKey) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    pub(super) fn all(&self) -> Vec<LeaseRef> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}
