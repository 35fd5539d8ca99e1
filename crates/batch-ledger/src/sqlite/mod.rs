//! SQLite: a file, no service.

mod claims;
mod ledger;
mod lock;
mod open;

pub use open::{SqliteLedger, SqliteOptions};
