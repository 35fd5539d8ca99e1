#![doc = include_str!("../README.md")]

mod error;
mod rows;
mod sql;
mod sqlite;

pub use sqlite::{SqliteLedger, SqliteOptions};
