//! Who may do what with the storage: shared keys, shared access signatures and bearer tokens.
//!
//! Pure functions over the head of a request; nothing here reads a body or asks a clock.

mod account_sas;
mod failure;
mod header_order;
mod query;
mod request;
mod sas;
mod service_sas;
mod shared_key;
mod sign;
#[cfg(test)]
mod testing;
mod verify;

pub(crate) use failure::AuthFailure;
pub(crate) use request::{Account, Audience, Identity, Needs, Scheme, SignedRequest, TokenCheck};
pub(crate) use verify::{verify, verify_source};
