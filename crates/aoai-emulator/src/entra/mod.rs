//! A stand-in for Microsoft Entra ID: one application, one managed identity, opaque tokens.

mod discovery;
mod endpoint;
mod managed_identity;
mod reply;
mod token;
mod tokens;

pub(crate) use endpoint::{Endpoint, answer};
pub(crate) use tokens::Tokens;
