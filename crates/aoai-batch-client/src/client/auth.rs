//! Who we are, and where that may be said.

use std::{fmt, sync::Arc};

use azure_core::credentials::TokenCredential;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use crate::error::{Error, ErrorKind};

/// The scope of tokens for Azure OpenAI. The reference of the v1 API names `https://ai.azure.com/.default`; both are
/// in use, and sovereign clouds differ.
pub const DEFAULT_SCOPE: &str = "https://cognitiveservices.azure.com/.default";

/// How requests are authorised.
#[derive(Clone)]
pub enum Credential {
    /// A key in the header `api-key`.
    ApiKey(SecretString),
    /// A key (or a token of your own) as `Authorization: Bearer`.
    BearerKey(SecretString),
    /// An Entra identity.
    Token {
        /// Any credential of `azure_identity`, or your own.
        credential: Arc<dyn TokenCredential>,
        /// Such as [`DEFAULT_SCOPE`].
        scope: String,
    },
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ApiKey(_) => "ApiKey(..)",
            Self::BearerKey(_) => "BearerKey(..)",
            Self::Token { .. } => "Token(..)",
        })
    }
}

impl Credential {
    /// The header of a request. A token is asked for every time: the credential caches it.
    pub(super) async fn header(&self, headers: &mut HeaderMap) -> Result<(), String> {
        let (name, text) = match self {
            Self::ApiKey(key) => (HeaderName::from_static("api-key"), key.expose_secret().to_owned()),
            Self::BearerKey(key) => (AUTHORIZATION, format!("Bearer {}", key.expose_secret())),
            Self::Token { credential, scope } => {
                let token = credential.get_token(&[scope.as_str()], None).await;
                let token = token.map_err(|error| format!("no token for {scope}: {error}"))?;
                (AUTHORIZATION, format!("Bearer {}", token.token.secret()))
            }
        };
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| "the key holds characters that no header may hold".to_owned())?;
        value.set_sensitive(true);
        headers.insert(name, value);
        Ok(())
    }
}

/// Secrets travel over TLS, or do not leave this machine.
pub(super) fn check_transport(url: &Url) -> Result<(), Error> {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => Ok(()),
        "http" if loopback => Ok(()),
        "http" => Err(Error::local("new", url, "plain http would show the key to the network; use https")),
        scheme => Err(Error::local("new", url, format!("the scheme {scheme} is not supported; use https"))),
    }
}

impl Error {
    /// Something that is wrong on our side, before anything was sent.
    pub(super) fn local(operation: &'static str, url: &Url, message: impl Into<String>) -> Self {
        Self::before_sending(ErrorKind::Local, operation, url, message)
    }
}
