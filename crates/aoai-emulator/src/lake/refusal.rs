//! Errors with the service's codes.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use serde_json::json;

/// An error answer of the storage service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LakeError {
    pub(crate) status: StatusCode,
    pub(crate) code: String,
    pub(crate) message: String,
    /// What a 401 asks for.
    pub(crate) challenge: Option<String>,
}

/// The form of an error's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorForm {
    /// The DFS endpoint.
    Json,
    /// The Blob endpoint.
    Xml,
}

impl LakeError {
    pub(crate) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into(), challenge: None }
    }

    pub(super) fn bad(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(super) fn conflict(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    pub(super) fn precondition(code: &str) -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            code,
            "The condition specified using HTTP conditional header(s) is not met.",
        )
    }

    pub(super) fn path_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "PathNotFound", "The specified path does not exist.")
    }

    pub(super) fn filesystem_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "FilesystemNotFound", "The specified filesystem does not exist.")
    }

    pub(super) fn path_already_exists() -> Self {
        Self::conflict("PathAlreadyExists", "The specified path already exists.")
    }

    /// The code of the Data Lake documentation for a file where a directory is meant, or the reverse.
    pub(super) fn wrong_type() -> Self {
        Self::conflict(
            "PathConflict",
            "The specified path, or an element of the path, exists and its resource type is invalid for this operation.",
        )
    }

    pub(super) fn disk(error: &std::io::Error) -> Self {
        tracing::error!(%error, "the emulator's disk failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", format!("emulator: {error}"))
    }

    pub(crate) fn into_response(self, form: ErrorForm, request_id: &str) -> Response {
        let message = format!("{}\nRequestId:{request_id}\nTime:{}", self.message, now());
        let (kind, body) = match form {
            ErrorForm::Json => {
                let body = json!({"error": {"code": self.code, "message": message}}).to_string();
                ("application/json;charset=utf-8", body)
            }
            ErrorForm::Xml => {
                let escape =
                    |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                let body = format!(
                    "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{}</Code><Message>{}</Message></Error>",
                    escape(&self.code),
                    escape(&message)
                );
                ("application/xml", body)
            }
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        for (name, value) in [("x-ms-error-code", Some(self.code)), ("www-authenticate", self.challenge)] {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

fn now() -> String {
    let now = crate::clock::wall_now();
    now.iso().replace("+00:00", "Z")
}
