//! The tokens that are good.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use sha2::{Digest, Sha256};

use crate::{
    clock::Stamp,
    config::EntraConfig,
    storage_auth::{Audience, TokenCheck},
};

/// Tokens are looked up by digest, so that the time it takes says nothing about them.
type Fingerprint = [u8; 32];

/// Issues tokens and knows them again.
pub(crate) struct Tokens {
    authorization_uri: String,
    lifetime: Duration,
    fixed: Vec<Fingerprint>,
    issued: Mutex<HashMap<Fingerprint, Issued>>,
}

#[derive(Debug)]
struct Issued {
    resource: String,
    expires: Stamp,
}

/// A token that was just issued.
pub(super) struct Issue {
    pub(super) token: String,
    pub(super) expires: Stamp,
}

impl Tokens {
    /// `url` is where the emulator is reached.
    pub(crate) fn new(config: &EntraConfig, url: &str) -> Self {
        Self {
            authorization_uri: format!("{url}/{}/oauth2/authorize", config.tenant),
            lifetime: config.token_lifetime,
            fixed: config.static_tokens.iter().map(|token| fingerprint(token.expose())).collect(),
            issued: Mutex::default(),
        }
    }

    /// `resource` may be a scope too: `https://storage.azure.com/.default`.
    pub(super) fn issue(&self, resource: &str, now: Stamp) -> Issue {
        let token = format!("emulator-{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
        let expires = now.plus(self.lifetime);
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued.retain(|_, issued| issued.expires > now);
        issued.insert(fingerprint(&token), Issued { resource: plain_resource(resource).to_owned(), expires });
        Issue { token, expires }
    }
}

impl TokenCheck for Tokens {
    fn accepts(&self, token: &str, audience: Audience, now_ms: i64) -> bool {
        let fingerprint = fingerprint(token);
        if self.fixed.contains(&fingerprint) {
            return true;
        }
        let issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued.get(&fingerprint).is_some_and(|issued| {
            issued.expires.unix_millis() > now_ms && resources(audience).contains(&issued.resource.as_str())
        })
    }

    fn authorization_uri(&self) -> String {
        self.authorization_uri.clone()
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("authorization_uri", &self.authorization_uri).finish_non_exhaustive()
    }
}

/// Whether two secrets are the same, in a time that says nothing about them.
pub(super) fn same_secret(left: &str, right: &str) -> bool {
    fingerprint(left) == fingerprint(right)
}

fn fingerprint(token: &str) -> Fingerprint {
    Sha256::digest(token.as_bytes()).into()
}

fn resources(audience: Audience) -> &'static [&'static str] {
    match audience {
        Audience::Storage => &["https://storage.azure.com"],
        Audience::OpenAi => &["https://cognitiveservices.azure.com", "https://ai.azure.com"],
    }
}

fn plain_resource(resource: &str) -> &str {
    resource.strip_suffix("/.default").unwrap_or(resource).trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Stamp = Stamp::from_millis(1_800_000_000_000);

    fn tokens() -> Tokens {
        let config = EntraConfig { static_tokens: vec!["fixed".into()], ..EntraConfig::default() };
        Tokens::new(&config, "https://localhost")
    }

    #[test]
    fn a_token_is_for_its_audience_however_that_was_written() {
        let tokens = tokens();
        for (resource, audience, other) in [
            ("https://storage.azure.com", Audience::Storage, Audience::OpenAi),
            ("https://storage.azure.com/", Audience::Storage, Audience::OpenAi),
            ("https://storage.azure.com/.default", Audience::Storage, Audience::OpenAi),
            ("https://storage.azure.com//.default", Audience::Storage, Audience::OpenAi),
            ("https://cognitiveservices.azure.com/.default", Audience::OpenAi, Audience::Storage),
            ("https://ai.azure.com", Audience::OpenAi, Audience::Storage),
        ] {
            let token = tokens.issue(resource, NOW).token;
            assert!(tokens.accepts(&token, audience, NOW.unix_millis()), "{resource}");
            assert!(!tokens.accepts(&token, other, NOW.unix_millis()), "{resource}");
        }
        let elsewhere = tokens.issue("https://management.azure.com/.default", NOW).token;
        assert!(!tokens.accepts(&elsewhere, Audience::Storage, NOW.unix_millis()));
        assert!(!tokens.accepts(&elsewhere, Audience::OpenAi, NOW.unix_millis()));
    }

    #[test]
    fn a_token_ends_but_a_fixed_one_does_not() {
        let tokens = tokens();
        let issue = tokens.issue("https://storage.azure.com", NOW);
        assert_eq!(issue.expires.since(NOW), Duration::from_secs(3600));
        let end = issue.expires.unix_millis();
        assert!(tokens.accepts(&issue.token, Audience::Storage, end - 1));
        assert!(!tokens.accepts(&issue.token, Audience::Storage, end));
        for audience in [Audience::Storage, Audience::OpenAi] {
            assert!(tokens.accepts("fixed", audience, i64::MAX));
            assert!(!tokens.accepts("fixe", audience, 0) && !tokens.accepts("", audience, 0));
        }
    }

    #[test]
    fn tokens_do_not_show() {
        assert!(!format!("{:?}", tokens()).contains("fixed"));
    }
}
