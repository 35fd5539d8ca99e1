//! Who we are for the storage account, and where that may be said.

use std::{fmt, sync::Arc};

use azure_core::{
    base64,
    credentials::{Secret, TokenCredential},
    http::policies::{Policy, auth::BearerTokenAuthorizationPolicy},
};
use url::{Host, Url};

use super::sign::{SasPolicy, SharedKeyPolicy};

/// The scope of tokens for Azure Storage, the same in all clouds.
///
/// Source: <https://learn.microsoft.com/azure/storage/blobs/authorize-access-azure-active-directory>.
pub const STORAGE_SCOPE: &str = "https://storage.azure.com/.default";

/// How requests to the storage account are authorised.
#[derive(Clone)]
pub enum AzureCredential {
    /// An Entra identity. Needs https: `azure_core` refuses to show a token to plain http.
    Token {
        /// Any credential of `azure_identity`, or your own.
        credential: Arc<dyn TokenCredential>,
        /// Such as [`STORAGE_SCOPE`].
        scope: String,
    },
    /// A key of the account (Shared Key). It allows everything; prefer an identity.
    AccountKey {
        /// The account's name.
        account: String,
        /// The key, in base64 as the portal shows it.
        key: Secret,
    },
    /// A shared access signature: the query string, with or without its `?`.
    Sas(Secret),
}

impl fmt::Debug for AzureCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token { .. } => "Token(..)",
            Self::AccountKey { .. } => "AccountKey(..)",
            Self::Sas(_) => "Sas(..)",
        })
    }
}

/// A credential that was checked.
pub(crate) struct Checked {
    /// Signs each try.
    pub(super) policy: Arc<dyn Policy>,
    pub(crate) kind: CredentialKind,
}

/// What the messages about a refusal depend on.
#[derive(Debug, Clone)]
pub(crate) enum CredentialKind {
    Token,
    AccountKey,
    /// With the query string, which a rename's source needs too, and the time of its end, if it names one.
    Sas {
        query: Secret,
        expiry: Option<String>,
    },
}

impl CredentialKind {
    /// A text that may quote an address, without the signature in it.
    pub(crate) fn redact(&self, text: String) -> String {
        match self {
            Self::Sas { query, .. } => text.replace(query.secret(), "(the SAS)"),
            Self::Token | Self::AccountKey => text,
        }
    }
}

impl AzureCredential {
    /// Refuses what cannot be right, before anything is sent.
    pub(crate) fn check(self, endpoint: &Url) -> Result<Checked, String> {
        let over_tls = match (endpoint.scheme(), is_loopback(endpoint)) {
            ("https", _) => true,
            ("http", true) => false,
            ("http", false) => {
                return Err("plain http would show the key to the network; use https".to_owned());
            }
            (scheme, _) => return Err(format!("the scheme {scheme} is not supported; use https")),
        };
        match self {
            Self::Token { credential, scope } => {
                if !over_tls {
                    return Err("a token is only sent over https: give the endpoint as https://".to_owned());
                }
                let policy = Arc::new(BearerTokenAuthorizationPolicy::new(credential, [scope]));
                Ok(Checked { policy, kind: CredentialKind::Token })
            }
            Self::AccountKey { account, key } => {
                if account.is_empty() {
                    return Err("an account key needs the account's name".to_owned());
                }
                match base64::decode(key.secret()) {
                    Ok(bytes) if !bytes.is_empty() => {}
                    _ => {
                        return Err(
                            "the account key is not base64; copy it again from \"Access keys\" of the storage account, \
                             without spaces or line ends"
                                .to_owned(),
                        );
                    }
                }
                Ok(Checked {
                    policy: Arc::new(SharedKeyPolicy::new(account, key)),
                    kind: CredentialKind::AccountKey,
                })
            }
            Self::Sas(sas) => {
                let query = sas.secret().trim().trim_start_matches('?').to_owned();
                let field = |name: &str| {
                    url::form_urlencoded::parse(query.as_bytes())
                        .find(|(key, _)| key == name)
                        .map(|(_, value)| value.into_owned())
                };
                if field("sig").is_none() {
                    return Err(
                        "the SAS has no signature (sig=…); give the query string that \"Generate SAS\" shows"
                            .to_owned(),
                    );
                }
                let expiry = field("se");
                let query = Secret::new(query);
                Ok(Checked {
                    policy: Arc::new(SasPolicy::new(query.clone())),
                    kind: CredentialKind::Sas { query, expiry },
                })
            }
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(credential: AzureCredential, endpoint: &str) -> Option<String> {
        credential.check(&endpoint.parse().unwrap()).err()
    }

    fn key(text: &str) -> AzureCredential {
        AzureCredential::AccountKey { account: "a".into(), key: Secret::new(text.to_owned()) }
    }

    fn sas(text: &str) -> AzureCredential {
        AzureCredential::Sas(Secret::new(text.to_owned()))
    }

    #[test]
    fn secrets_stay_on_this_machine_or_travel_over_tls() {
        for endpoint in ["https://a.dfs.core.windows.net", "http://127.0.0.1:1/a", "http://localhost/a"] {
            assert_eq!(refusal(key("a2V5"), endpoint), None, "{endpoint}");
            assert_eq!(refusal(sas("?sv=1&sig=x"), endpoint), None, "{endpoint}");
        }
        for endpoint in ["http://a.dfs.core.windows.net", "http://10.0.0.1/a", "ftp://127.0.0.1/"] {
            assert!(refusal(key("a2V5"), endpoint).is_some(), "{endpoint}");
            assert!(refusal(sas("sig=x"), endpoint).is_some(), "{endpoint}");
        }
    }

    #[test]
    fn what_is_no_key_and_no_sas_is_told_without_showing_it() {
        let message = refusal(key("n*t-base64"), "https://a.dfs.core.windows.net").unwrap();
        assert!(message.contains("base64") && !message.contains("n*t"), "{message}");
        assert!(refusal(key(""), "https://a.dfs.core.windows.net").is_some());
        assert!(refusal(sas("sv=2023-11-03"), "https://a.dfs.core.windows.net").unwrap().contains("sig="));
    }

    #[test]
    fn no_secret_in_debug_output() {
        assert_eq!(format!("{:?} {:?}", key("a2V5"), sas("sig=x")), "AccountKey(..) Sas(..)");
    }
}
