//! SQLite: a file, no service.

mod claims;
mod ledger;
mod lock;
mod open;
mod restore;

pub use open::{SqliteLedger, SqliteOptions};
