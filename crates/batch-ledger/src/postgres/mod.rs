//! PostgreSQL: any number of workers, on any machines.

mod backend;
mod checks;
mod connect;
mod password;
mod schema;
#[path = "../store/mod.rs"]
#[expect(clippy::duplicate_mod, reason = "one text for both databases, compiled for the types of each")]
mod store;

pub use connect::{PgLedger, PgOptions};
pub use password::{Password, PasswordSource};
