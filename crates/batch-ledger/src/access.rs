//! What a ledger is opened for.

/// What a ledger is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To work: creates the ledger if need be. On SQLite, one process at a time.
    Work,
    /// To write a person's decision beside whoever works; fails if there is no ledger.
    Decide,
    /// Only to look, beside whoever works; fails if there is no ledger.
    Look,
}
