//! Errors as Entra words them.

use axum::{http::StatusCode, response::Response};
use serde_json::json;

use crate::{clock::Stamp, server};

/// A refusal of the token endpoint.
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// The OAuth 2.0 error.
    pub(super) error: &'static str,
    /// The number behind `AADSTS`.
    pub(super) number: u32,
    pub(super) description: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, error: &'static str, number: u32, description: String) -> Self {
        Self { status, error, number, description }
    }

    pub(super) fn into_response(self, now: Stamp) -> Response {
        let body = json!({
            "error": self.error,
            "error_description": format!("AADSTS{}: {}", self.number, self.description),
            "error_codes": [self.number],
            "timestamp": now.iso(),
            "trace_id": uuid::Uuid::new_v4().to_string(),
            "correlation_id": uuid::Uuid::new_v4().to_string(),
        });
        server::json(self.status, &body)
    }
}
