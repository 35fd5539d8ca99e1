//! The Azure backend against the emulator's DFS endpoint, over real HTTP.
#![cfg(feature = "conformance")]

mod bad_input;
mod conformance;
mod faults;
mod requests;
#[cfg(feature = "datalake-sdk")]
mod sdk;
mod support;
