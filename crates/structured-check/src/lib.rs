#![doc = include_str!("../README.md")]

mod answer;
mod checker;
mod request;
mod schema;

pub use checker::{CheckError, Checker, Outcome, Violation};
