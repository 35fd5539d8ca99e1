#![doc = include_str!("../README.md")]

mod access;
mod error;
mod meta;
mod postgres;
mod sql;
mod sqlite;

pub use access::Access;
pub use postgres::{Password, PasswordSource, PgLedger, PgOptions};
pub use sqlite::{SqliteLedger, SqliteOptions};
