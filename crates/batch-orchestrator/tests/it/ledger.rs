//! The ledger in memory passes the suite that the durable ones pass.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use batch_orchestrator::{ledger::MemoryLedger, model::Timestamp};

/// A clock that ticks with every look, so that "later" is later.
async fn ledger() -> Option<(MemoryLedger, ())> {
    let clock = AtomicI64::new(1_000_000);
    let clock = Arc::new(move || Timestamp(clock.fetch_add(1, Ordering::Relaxed)));
    Some((MemoryLedger::new("memory", clock), ()))
}

batch_orchestrator::ledger_conformance!(ledger);
