//! The durable memory of the pipeline, as a trait.

mod booking;
pub mod conformance;
mod contract;
mod memory;
#[cfg(feature = "mock")]
mod mock;
mod types;

pub use crate::quota::Account;
pub use booking::SpendingChange;
pub use contract::{Ledger, LedgerAdmin};
pub use memory::{LedgerClock, MemoryLedger};
#[cfg(feature = "mock")]
pub use mock::MockLedger;
pub use types::{
    ClaimRequest, Claims, Commit, Gathering, InFlight, JobCommit, JobQuery, JobView, Lease, LeaseRef,
    LedgerError, LedgerErrorKind, PartCommit, PollRequest, PollTurn, RecordKey, WorkerId,
};
