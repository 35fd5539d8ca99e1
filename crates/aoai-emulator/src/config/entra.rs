//! Configuration of the tokens that the emulator issues.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Secret;

/// One application of one tenant, as a stand-in for Microsoft Entra ID.
///
/// Without secrets no token is issued and none is good.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EntraConfig {
    /// The tenant: first segment of the token endpoint's path.
    pub tenant: String,
    /// The application's id, which is also the id of the managed identity.
    pub client_id: String,
    /// What `POST /{tenant}/oauth2/v2.0/token` takes as `client_secret`, or, as it stands, as `client_assertion`; none
    /// = that endpoint issues nothing.
    pub client_secret: Option<Secret>,
    /// What `GET /msi/token` takes as `X-IDENTITY-HEADER`; none = that endpoint issues nothing.
    pub identity_header: Option<Secret>,
    /// Virtual time for which an issued token is good.
    #[serde(with = "humantime_serde")]
    pub token_lifetime: Duration,
    /// Tokens that are good for every audience and for ever.
    pub static_tokens: Vec<Secret>,
}

impl Default for EntraConfig {
    fn default() -> Self {
        Self {
            tenant: "emulator".to_owned(),
            client_id: "emulator".to_owned(),
            client_secret: None,
            identity_header: None,
            token_lifetime: Duration::from_secs(3600),
            static_tokens: Vec::new(),
        }
    }
}
