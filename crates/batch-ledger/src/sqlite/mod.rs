//! SQLite: a file, no service.

mod backend;
mod clock;
mod lock;
mod network;
mod open;
#[path = "../store/mod.rs"]
mod store;

pub use open::{SqliteLedger, SqliteOptions};
