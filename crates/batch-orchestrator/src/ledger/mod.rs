//! The durable memory of the pipeline, as a trait.

pub mod conformance;
mod contract;
mod memory;
mod types;

pub use contract::Ledger;
#[cfg(feature = "mock")]
pub use contract::MockLedger;
pub use memory::{LedgerClock, MemoryLedger};
pub use types::{
    ClaimRequest, Claims, Commit, InFlight, JobCommit, JobQuery, JobView, Lease, LeaseRef, LedgerError,
    LedgerErrorKind, PartCommit, RecordKey, WorkerId,
};
