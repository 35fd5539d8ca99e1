//! What is verified, and what comes of it.

use std::{fmt, net::IpAddr};

use axum::http::{HeaderMap, Method, request::Parts};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::query::{decode, pairs};

/// A storage account and its key.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    key: Vec<u8>,
}

impl Account {
    /// Takes the key in base64, as Azure hands it out; none if it is not base64 or empty.
    pub(crate) fn new(name: impl Into<String>, key: &str) -> Option<Self> {
        let key = STANDARD.decode(key.trim()).ok().filter(|key| !key.is_empty())?;
        Some(Self { name: name.into(), key })
    }

    pub(super) fn key(&self) -> &[u8] {
        &self.key
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What the operation asks of a shared access signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Content.
    Read,
    /// Names below a file system or directory.
    List,
    /// Something new, nothing overwritten.
    Create,
    /// Something overwritten: content, flush, metadata.
    Write,
    /// Bytes at the end.
    Append,
    /// Removal.
    Delete,
    /// Either end of a rename.
    Move,
    /// Size, times and metadata.
    Properties,
}

/// What a token is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Azure Storage.
    Storage,
    /// Azure OpenAI and AI Foundry.
    OpenAi,
}

/// Knows the tokens that are good.
pub(crate) trait TokenCheck {
    /// Whether the token was issued for this audience and lives still.
    fn accepts(&self, token: &str, audience: Audience, now_ms: i64) -> bool;

    /// Where tokens come from, for the `WWW-Authenticate` header.
    fn authorization_uri(&self) -> String;
}

/// Who a request turned out to be from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The storage account that the request is about.
    pub(crate) account: String,
    /// How it was proven.
    pub(crate) scheme: Scheme,
}

/// How a request was authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// The account key: may do anything.
    SharedKey,
    /// An account SAS.
    AccountSas,
    /// A service SAS.
    ServiceSas,
    /// A bearer token: may do anything.
    Bearer,
}

/// The head of a request, with what its bytes do not say.
///
/// Paths are those of an emulator: `/account/file-system/path`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SignedRequest<'a> {
    pub(crate) method: &'a Method,
    pub(crate) headers: &'a HeaderMap,
    /// Still percent-encoded, as it came over the wire.
    pub(crate) path: &'a str,
    /// Without the question mark, still percent-encoded.
    pub(crate) query: &'a str,
    /// Whether it came over TLS.
    pub(crate) tls: bool,
    /// Where it came from.
    pub(crate) peer: IpAddr,
    /// What it is about to do.
    pub(crate) needs: Needs,
}

impl<'a> SignedRequest<'a> {
    pub(crate) fn new(parts: &'a Parts, tls: bool, peer: IpAddr, needs: Needs) -> Self {
        Self {
            method: &parts.method,
            headers: &parts.headers,
            path: parts.uri.path(),
            query: parts.uri.query().unwrap_or_default(),
            tls,
            peer,
            needs,
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_owned())
    }

    pub(super) fn target(&self) -> Target {
        let mut parts = self.path.trim_start_matches('/').splitn(3, '/').map(decode);
        let account = parts.next().unwrap_or_default();
        let file_system = parts.next().filter(|name| !name.is_empty());
        let path = parts.next().filter(|path| !path.is_empty());
        // A listing names its directory in the query; an account or container operation names none.
        let listed = (self.needs == Needs::List && path.is_none())
            .then(|| pairs(self.query).into_iter().find(|(name, _)| name == "directory"))
            .flatten()
            .map(|(_, value)| value);
        Target { account, file_system, path, listed }
    }
}

/// What a request is about, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) account: String,
    pub(super) file_system: Option<String>,
    pub(super) path: Option<String>,
    /// The directory that a listing of the file system is limited to.
    pub(super) listed: Option<String>,
}
