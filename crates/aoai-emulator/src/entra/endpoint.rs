//! Which request goes where.

use axum::{extract::Request, http::Method, response::Response};

use super::{discovery, managed_identity, token};
use crate::{server::Query, state::Shared};

/// An endpoint of the token service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// `POST /{tenant}/oauth2/v2.0/token`
    Token {
        /// As it stands in the path.
        tenant: String,
    },
    /// `GET /msi/token`
    ManagedIdentity,
    /// `GET /{tenant}/v2.0/.well-known/openid-configuration`
    OpenIdConfiguration,
    /// `GET /common/discovery/instance`
    Instance,
}

impl Endpoint {
    /// None if the request is for something else.
    pub(crate) fn of(method: &Method, path: &str, tenant: &str) -> Option<Self> {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        match (method, segments.as_slice()) {
            (&Method::POST, [tenant, "oauth2", "v2.0", "token"]) => {
                Some(Self::Token { tenant: (*tenant).to_owned() })
            }
            (&Method::GET, ["msi", "token"]) => Some(Self::ManagedIdentity),
            (&Method::GET, [asked, "v2.0", ".well-known", "openid-configuration"]) if *asked == tenant => {
                Some(Self::OpenIdConfiguration)
            }
            (&Method::GET, ["common", "discovery", "instance"]) => Some(Self::Instance),
            _ => None,
        }
    }
}

/// Answers a request to an endpoint.
pub(crate) async fn answer(state: &Shared, endpoint: Endpoint, tls: bool, request: Request) -> Response {
    match endpoint {
        Endpoint::Token { tenant } => token::answer(state, &tenant, request).await,
        Endpoint::ManagedIdentity => {
            let query = Query::parse(request.uri().query().unwrap_or_default());
            managed_identity::answer(state, &query, request.headers())
        }
        Endpoint::OpenIdConfiguration => discovery::openid_configuration(state, request.headers(), tls),
        Endpoint::Instance => discovery::instance(state, request.headers(), tls),
    }
}
