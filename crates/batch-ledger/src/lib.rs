#![doc = include_str!("../README.md")]

mod access;
mod error;
mod rows;
mod sql;
mod sqlite;

pub use access::Access;
pub use sqlite::{SqliteLedger, SqliteOptions};
