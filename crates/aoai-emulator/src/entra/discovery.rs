//! The documents that tell a client where to find what.
//!
//! `azure_identity` for Rust asks for none of them; the libraries built on MSAL do.

use axum::{
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use serde_json::json;

use crate::{server, state::Shared};

/// Where the client reached the emulator: by name or by address.
fn base(state: &Shared, headers: &HeaderMap, tls: bool) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    match (host, tls) {
        (Some(host), true) => format!("https://{host}"),
        (Some(host), false) => format!("http://{host}"),
        (None, true) => state.tls_url.clone().unwrap_or_default(),
        (None, false) => state.url.clone(),
    }
}

pub(super) fn openid_configuration(state: &Shared, headers: &HeaderMap, tls: bool) -> Response {
    let base = format!("{}/{}", base(state, headers, tls), state.config.entra.tenant);
    let document = json!({
        "issuer": format!("{base}/v2.0"),
        "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
        "token_endpoint": format!("{base}/oauth2/v2.0/token"),
        "jwks_uri": format!("{base}/discovery/v2.0/keys"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
        "response_types_supported": ["code", "id_token"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "tid"],
    });
    server::json(StatusCode::OK, &document)
}

pub(super) fn instance(state: &Shared, headers: &HeaderMap, tls: bool) -> Response {
    let base = base(state, headers, tls);
    let host = base.split_once("://").map_or("", |(_, host)| host).to_owned();
    let document = json!({
        "tenant_discovery_endpoint":
            format!("{base}/{}/v2.0/.well-known/openid-configuration", state.config.entra.tenant),
        "api-version": "1.1",
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
    });
    server::json(StatusCode::OK, &document)
}
