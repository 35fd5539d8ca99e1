//! The client over real sockets, against servers that follow a script.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, helpers included")]

mod calls;
mod content;
mod create;
mod secrets;
mod support;
mod upload;
