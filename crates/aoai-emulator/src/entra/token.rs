//! The OAuth 2.0 client credentials flow.

use axum::{body::to_bytes, extract::Request, http::StatusCode, response::Response};
use serde_json::json;

use super::{
    reply::Refusal,
    tokens::{Issue, same_secret},
};
use crate::{config::EntraConfig, server, server::Query, state::Shared};

const LARGEST_FORM: usize = 64 * 1024;
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

pub(super) async fn answer(state: &Shared, tenant: &str, request: Request) -> Response {
    let now = state.clock.now();
    let Ok(body) = to_bytes(request.into_body(), LARGEST_FORM).await else {
        return bad("invalid_request", 900_144, "The request body cannot be read.").into_response(now);
    };
    let form = Query::parse(&String::from_utf8_lossy(&body));
    match check(&state.config.entra, tenant, &form) {
        Ok(scope) => {
            let Issue { token, expires } = state.tokens.issue(scope, now);
            let seconds = expires.since(now).as_secs();
            let body = json!({
                "token_type": "Bearer",
                "expires_in": seconds,
                "ext_expires_in": seconds,
                "access_token": token,
            });
            server::json(StatusCode::OK, &body)
        }
        Err(refusal) => refusal.into_response(now),
    }
}

/// The scope that may be issued.
fn check<'a>(config: &EntraConfig, tenant: &str, form: &'a Query) -> Result<&'a str, Refusal> {
    if tenant != config.tenant {
        return Err(bad("invalid_request", 90_002, &format!("Tenant '{tenant}' not found.")));
    }
    let grant = required(form, "grant_type")?;
    if grant != "client_credentials" {
        return Err(bad(
            "unsupported_grant_type",
            70_003,
            &format!("The grant type '{grant}' is not supported."),
        ));
    }
    let client = required(form, "client_id")?;
    if client != config.client_id {
        let description =
            format!("Application with identifier '{client}' was not found in the directory '{tenant}'.");
        return Err(bad("unauthorized_client", 700_016, &description));
    }
    check_secret(config, form)?;
    let scope = required(form, "scope")?;
    if !scope.ends_with("/.default") || scope.contains(' ') {
        let description =
            format!("The provided value for scope {scope} is not valid: it must end in /.default.");
        return Err(bad("invalid_scope", 1_002_012, &description));
    }
    Ok(scope)
}

fn check_secret(config: &EntraConfig, form: &Query) -> Result<(), Refusal> {
    let (given, number, what) = match form.get("client_assertion") {
        Some(assertion) => {
            let kind = required(form, "client_assertion_type")?;
            if kind != ASSERTION_TYPE {
                return Err(bad("invalid_request", 900_144, "The client_assertion_type is not known."));
            }
            (assertion, 700_027, "client assertion")
        }
        None => (required(form, "client_secret")?, 7_000_215, "client secret"),
    };
    // No key is known that could have signed an assertion: it is compared as it stands.
    if config.client_secret.as_ref().is_some_and(|secret| same_secret(secret.expose(), given)) {
        return Ok(());
    }
    let description = format!("Invalid {what} provided.");
    Err(Refusal::new(StatusCode::UNAUTHORIZED, "invalid_client", number, description))
}

fn required<'a>(form: &'a Query, name: &str) -> Result<&'a str, Refusal> {
    form.get(name).filter(|value| !value.is_empty()).ok_or_else(|| {
        let description = format!("The request body must contain the following parameter: '{name}'.");
        bad("invalid_request", 900_144, &description)
    })
}

fn bad(error: &'static str, number: u32, description: &str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, error, number, description.to_owned())
}
