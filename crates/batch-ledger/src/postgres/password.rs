//! Passwords that do not last: an Entra token, say.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use secrecy::SecretString;

/// A password, and how long it is good for.
pub struct Password {
    /// The password.
    pub secret: SecretString,
    /// It is asked for again before a connection is opened after half of this time; `None`: never.
    pub valid_for: Option<Duration>,
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Password").field("valid_for", &self.valid_for).finish_non_exhaustive()
    }
}

/// Where passwords come from.
#[async_trait]
pub trait PasswordSource: Send + Sync {
    /// A password that is good now.
    async fn password(&self) -> Result<Password, Box<dyn std::error::Error + Send + Sync>>;
}
