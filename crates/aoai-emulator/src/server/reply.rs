//! Answers and the error envelopes of both surfaces.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::ApiForm;

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) code: String,
    pub(crate) message: String,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into() }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalidPayload", message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "notFound", message)
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", message)
    }

    /// What the gateway says to a path or api-version it does not know.
    pub(crate) fn resource_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "404", "Resource not found")
    }

    pub(crate) fn internal(doing: &str, error: &dyn std::fmt::Display) -> Self {
        tracing::error!(doing, %error, "the emulator failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internalFailure",
            format!("emulator failed to {doing}: {error}"),
        )
    }

    pub(crate) fn into_response(self, form: Option<&ApiForm>) -> Response {
        let mut error = json!({"code": self.code, "message": self.message});
        if form == Some(&ApiForm::V1) && self.code != "404" {
            error["param"] = Value::Null;
            error["type"] = "error".into();
            error["inner_error"] = Value::Null;
        }
        json(self.status, &json!({"error": error}))
    }
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    // Only values of our own are written, and those have string keys.
    let body = serde_json::to_vec(value).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let json_type = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json_type);
    response
}

/// A JSON answer to a create, with headers of its own.
pub(crate) struct Created;

impl Created {
    pub(crate) fn at(location: &str, status: StatusCode, value: &impl Serialize) -> Response {
        let mut response = json(status, value);
        if let Ok(location) = HeaderValue::from_str(location) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }
}

/// Adds the ids that every answer carries.
pub(super) fn tag(mut response: Response) -> Response {
    for name in ["apim-request-id", "x-request-id"] {
        if let Ok(id) = HeaderValue::from_str(&uuid::Uuid::new_v4().to_string()) {
            response.headers_mut().insert(HeaderName::from_static(name), id);
        }
    }
    response
}
