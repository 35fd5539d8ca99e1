//! The check of keys and tokens.

use axum::http::{HeaderMap, StatusCode, header};

use super::ApiError;
use crate::{
    config::Secret,
    state::State,
    storage_auth::{Audience, TokenCheck},
};

/// Where a key is configured, it or a token that the emulator issued has to be there.
pub(super) fn check(headers: &HeaderMap, state: &State) -> Result<(), ApiError> {
    check_with(headers, state.config.api_key.as_ref(), &state.tokens, state.clock.now().unix_millis())
}

/// Accepts the key as `api-key` or as bearer token: stock clients send either.
fn check_with(
    headers: &HeaderMap,
    key: Option<&Secret>,
    tokens: &dyn TokenCheck,
    now_ms: i64,
) -> Result<(), ApiError> {
    let Some(key) = key else { return Ok(()) };
    let plain = headers.get("api-key").and_then(|value| value.to_str().ok());
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    if plain == Some(key.expose()) || bearer == Some(key.expose()) {
        return Ok(());
    }
    if bearer.is_some_and(|token| tokens.accepts(token, Audience::OpenAi, now_ms)) {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::UNAUTHORIZED,
        "unauthorized",
        "Access denied due to invalid subscription key or wrong API endpoint.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct OneToken;

    impl TokenCheck for OneToken {
        fn accepts(&self, token: &str, audience: Audience, _now_ms: i64) -> bool {
            token == "t" && audience == Audience::OpenAi
        }

        fn authorization_uri(&self) -> String {
            String::new()
        }
    }

    fn passes(name: &'static str, value: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        check_with(&headers, Some(&"k".into()), &OneToken, 0).is_ok()
    }

    #[test]
    fn either_header_will_do_but_the_key_must_be_right() {
        assert!(passes("api-key", "k"));
        assert!(passes("authorization", "Bearer k"));
        assert!(!passes("api-key", "x"));
        assert!(!passes("authorization", "k"));
        assert!(check_with(&HeaderMap::new(), Some(&"k".into()), &OneToken, 0).is_err());
        assert!(check_with(&HeaderMap::new(), None, &OneToken, 0).is_ok());
    }

    #[test]
    fn a_token_is_as_good_as_the_key_but_not_in_its_header() {
        assert!(passes("authorization", "Bearer t"));
        assert!(!passes("authorization", "Bearer x"));
        assert!(!passes("api-key", "t"));
    }
}
