//! The HTTP client behind the trait.

mod auth;
mod calls;
mod classify;
mod content;
mod request;
mod retry;
mod send;
mod upload;

pub use auth::{Credential, DEFAULT_SCOPE};
pub use calls::{BatchClient, BatchClientOptions, DatedPage};
pub use request::ApiForm;
pub use retry::RetryOptions;
