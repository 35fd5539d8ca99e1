//! A ledger in memory: for tests, simulations and experiments. It survives nothing.

mod ledger;
mod tables;

pub use ledger::{LedgerClock, MemoryLedger};
