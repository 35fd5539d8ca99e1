//! The emulator over real sockets.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, helpers included")]

mod azure_identity_sdk;
mod ends;
mod entra;
mod faults;
mod files;
mod happy_path;
mod lists;
mod management;
mod quota;
mod results;
mod support;
mod tls;
mod upstream;
mod validation;
