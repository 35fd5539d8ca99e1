//! The ledger in memory passes the suite that the durable ones pass.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use batch_orchestrator::{
    ledger::{MemoryLedger, conformance},
    model::Timestamp,
};

/// A clock that ticks with every look, so that "later" is later.
fn ledger() -> MemoryLedger {
    let clock = AtomicI64::new(1_000_000);
    MemoryLedger::new("memory", Arc::new(move || Timestamp(clock.fetch_add(1, Ordering::Relaxed))))
}

macro_rules! conformance {
    ($($name:ident),* $(,)?) => {$(
        #[tokio::test]
        async fn $name() {
            conformance::$name(&ledger()).await;
        }
    )*};
}

conformance!(
    discovering_is_idempotent,
    a_file_that_was_put_back_is_new,
    a_claim_is_exclusive_and_fenced,
    the_window_slides,
    the_last_part_wakes_the_job,
    an_ended_batch_wakes_its_part,
    a_foreign_job_is_looked_at_again,
    records_survive_the_round_trip,
);
