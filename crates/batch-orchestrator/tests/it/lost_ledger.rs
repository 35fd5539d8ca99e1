//! A ledger that is lost, or restored from an older copy, at any moment: nothing is lost with it, and nothing is paid
//! again.

use std::sync::Arc;

use batch_orchestrator::ledger::MemoryLedger;
use futures::StreamExt;

use crate::{
    crash::{Crash, Setup, assert_published, run_until_crash, world},
    support::{Mode, World, now},
};

/// What a crash leaves in the lake that nobody can know of any more is none of these tests' business.
async fn finish(world: &World, point: &str) {
    let report = world.run().await;
    assert!(!report.gave_up, "{point}: {report:?}");
    assert_eq!(report.quarantined, 0, "{point}: {:#?}", world.jobs().await);
    let jobs = world.jobs().await;
    let at_rest = |name: &str| matches!(name, "done" | "dropped");
    assert!(jobs.iter().all(|view| at_rest(view.job.state.name())), "{point}: {jobs:#?}");
    assert_published(world, point).await;
}

async fn lose_everywhere(setup: Setup, after: bool) {
    let golden = Crash::new(usize::MAX, false);
    let effects = run_until_crash(&world(setup).await, &golden).await;
    let tries = futures::stream::iter(0..effects).map(|at| async move {
        let point = format!(
            "{setup:?}: ledger lost {} effect {at} of {effects}",
            if after { "after" } else { "before" }
        );
        let mut world = world(setup).await;
        run_until_crash(&world, &Crash::new(at, after)).await;
        world.ledger = Arc::new(MemoryLedger::new("ledger-2", Arc::new(now)));
        world.options.run.adopt_ledger = Some("ledger-1".into());
        finish(&world, &point).await;
    });
    tries.buffer_unordered(8).collect::<Vec<_>>().await;
}

/// A backup from before each third effect, restored after a crash at some later effect, or at the very end.
async fn restore_everywhere(setup: Setup) {
    let golden = Crash::new(usize::MAX, false);
    let effects = run_until_crash(&world(setup).await, &golden).await;
    let pairs: Vec<_> = (0..effects)
        .step_by(3)
        .flat_map(|backup| {
            let later = [backup + 2, backup + 11, (backup + effects) / 2, usize::MAX];
            later.map(|crash| (backup, crash))
        })
        .collect();
    let tries = futures::stream::iter(pairs).map(|(backup, at)| async move {
        let point = format!("{setup:?}: backup before effect {backup}, restored after {at} of {effects}");
        let mut world = world(setup).await;
        let crash = Crash::with_backup(at, true, backup);
        run_until_crash(&world, &crash).await;
        let Some(ledger) = crash.take_backup() else { return };
        ledger.forget_leases();
        world.ledger = Arc::new(ledger);
        // So long, a person who restores a backup needs at least: the lists have settled.
        tokio::time::sleep(world.options.run.list_settle * 2).await;
        finish(&world, &point).await;
    });
    tries.buffer_unordered(8).collect::<Vec<_>>().await;
}

macro_rules! tests {
    ($($name:ident: $test:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            $test.await;
        }
    )*};
}

tests! {
    a_ledger_lost_before_any_effect_is_made_again: lose_everywhere(Setup::of(Mode::Upload), false);
    a_ledger_lost_after_any_effect_is_made_again: lose_everywhere(Setup::of(Mode::Upload), true);
    so_it_is_with_imports: lose_everywhere(Setup::of(Mode::Import), true);
    so_it_is_with_blobs: lose_everywhere(Setup::of(Mode::Blob), true);
    so_it_is_before_any_effect_of_a_merged_run: lose_everywhere(Setup::MERGED, false);
    so_it_is_after_any_effect_of_a_merged_run: lose_everywhere(Setup::MERGED, true);
    so_it_is_before_any_effect_of_two_attempts: lose_everywhere(Setup::TWO_ATTEMPTS, false);
    so_it_is_after_any_effect_of_two_attempts: lose_everywhere(Setup::TWO_ATTEMPTS, true);
    so_it_is_before_any_effect_where_a_batch_is_refused: lose_everywhere(Setup::REFUSED, false);
    so_it_is_after_any_effect_where_a_batch_is_refused: lose_everywhere(Setup::REFUSED, true);
    a_backup_of_any_moment_can_be_restored: restore_everywhere(Setup::of(Mode::Upload));
    so_it_can_of_two_attempts: restore_everywhere(Setup::TWO_ATTEMPTS);
    so_it_can_where_a_batch_is_refused: restore_everywhere(Setup::REFUSED);
    so_it_can_of_a_merged_run: restore_everywhere(Setup::MERGED);
    so_it_can_with_blobs: restore_everywhere(Setup::of(Mode::Blob));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_leave_another_ledgers_work_is_not_touched() {
    let mut world = world(Setup::of(Mode::Upload)).await;
    run_until_crash(&world, &Crash::new(30, true)).await;
    // What was under way when it died still arrives.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let batches = world.emulator.control().snapshot().await.batches.len();
    world.ledger = Arc::new(MemoryLedger::new("ledger-2", Arc::new(now)));
    let report = world.run().await;
    assert!(report.foreign > 0, "{report:?}");
    assert_eq!(report.completed + report.recovered, 0, "{report:?}");
    assert_eq!(world.emulator.control().snapshot().await.batches.len(), batches, "it has sent something");
}
