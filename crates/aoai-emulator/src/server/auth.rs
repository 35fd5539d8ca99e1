//! The key check.

use axum::http::{HeaderMap, StatusCode, header};

use super::ApiError;
use crate::config::Secret;

/// Accepts the key as `api-key` or as bearer token: stock clients send either.
pub(super) fn check(headers: &HeaderMap, key: Option<&Secret>) -> Result<(), ApiError> {
    let Some(key) = key else { return Ok(()) };
    let plain = headers.get("api-key").and_then(|value| value.to_str().ok());
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    if plain == Some(key.expose()) || bearer == Some(key.expose()) {
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

    fn check_with(name: &'static str, value: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        check(&headers, Some(&"k".into())).is_ok()
    }

    #[test]
    fn either_header_will_do_but_the_key_must_be_right() {
        assert!(check_with("api-key", "k"));
        assert!(check_with("authorization", "Bearer k"));
        assert!(!check_with("api-key", "x"));
        assert!(!check_with("authorization", "k"));
        assert!(check(&HeaderMap::new(), Some(&"k".into())).is_err());
        assert!(check(&HeaderMap::new(), None).is_ok());
    }
}
