//! The emulator over real sockets.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, helpers included")]

mod azure_identity_sdk;
mod ends;
mod entra;
mod faults;
mod files;
mod happy_path;
mod lake_batches;
mod lake_conditions;
mod lake_faults;
mod lake_leases;
mod lake_lifecycle;
mod lake_lists;
mod lake_rename;
mod lake_support;
mod lists;
mod management;
mod promises;
mod quota;
mod results;
mod support;
mod tls;
mod upstream;
mod validation;
