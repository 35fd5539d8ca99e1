#![doc = include_str!("../README.md")]

mod answer;
mod csv;
mod error;
mod field;
#[cfg(feature = "parquet")]
mod parquet;
mod row;
mod text;
mod writer;

pub use error::{FieldError, TableError};
pub use field::RequestField;
pub use writer::{TableFormat, TableWriter};
