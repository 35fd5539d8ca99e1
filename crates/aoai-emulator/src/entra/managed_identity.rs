//! The managed identity endpoint of App Service.

use axum::{
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde_json::json;

use super::tokens::{Issue, same_secret};
use crate::{server, server::Query, state::Shared};

const API_VERSION: &str = "2019-08-01";

pub(super) fn answer(state: &Shared, query: &Query, headers: &HeaderMap) -> Response {
    let config = &state.config.entra;
    let given = headers.get("x-identity-header").and_then(|value| value.to_str().ok());
    let known = config.identity_header.as_ref();
    if !known.zip(given).is_some_and(|(known, given)| same_secret(known.expose(), given)) {
        return refuse(StatusCode::UNAUTHORIZED, "The X-IDENTITY-HEADER is missing or wrong.");
    }
    if query.get("api-version") != Some(API_VERSION) {
        return refuse(StatusCode::BAD_REQUEST, "The api-version is missing or not 2019-08-01.");
    }
    let Some(resource) = query.get("resource").filter(|resource| !resource.is_empty()) else {
        return refuse(StatusCode::BAD_REQUEST, "The resource is missing.");
    };
    // Without an id it is the identity of the system, which is the same one here.
    if query.get("client_id").is_some_and(|client| client != config.client_id) {
        return refuse(StatusCode::BAD_REQUEST, "No managed identity with this client_id is assigned.");
    }
    let Issue { token, expires } = state.tokens.issue(resource, state.clock.now());
    let body = json!({
        "access_token": token,
        "expires_on": expires.unix_seconds().to_string(),
        "resource": resource,
        "token_type": "Bearer",
        "client_id": config.client_id,
    });
    server::json(StatusCode::OK, &body)
}

fn refuse(status: StatusCode, message: &str) -> Response {
    server::json(status, &json!({"statusCode": status.as_u16(), "message": message}))
}
