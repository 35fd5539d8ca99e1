//! Errors as storage words them, and their two envelopes.

use std::borrow::Cow;

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use serde_json::json;

use super::reply::Tags;

/// An error answer of the storage half.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LakeError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: Cow<'static, str>,
    /// What a 401 asks for.
    pub(crate) challenge: Option<String>,
}

/// Which API a request belongs to, as far as that shows: both have the same URLs here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    Dfs,
    Blob,
}

impl LakeError {
    pub(crate) const fn new(status: StatusCode, code: &'static str, message: &'static str) -> Self {
        Self { status, code, message: Cow::Borrowed(message), challenge: None }
    }

    const fn bad(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    const fn missing(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    pub(super) const fn conflict(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    const fn unmet(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, code, message)
    }

    pub(super) fn invalid_uri() -> Self {
        Self::bad("InvalidUri", "The request URI is invalid.")
    }

    pub(super) fn invalid_source_uri() -> Self {
        Self::bad("InvalidSourceUri", "The source URI is invalid.")
    }

    pub(super) fn invalid_resource_name() -> Self {
        Self::bad("InvalidResourceName", "The specified resource name contains invalid characters.")
    }

    pub(super) fn unsupported() -> Self {
        Self::bad("UnsupportedQueryParameter", "This emulator does not know what the request asks for.")
    }

    pub(super) fn missing_query(name: &str) -> Self {
        let message = format!("The query parameter {name} is required for this request.");
        Self { message: message.into(), ..Self::bad("MissingRequiredQueryParameter", "") }
    }

    pub(super) fn invalid_query(name: &str) -> Self {
        let message =
            format!("Value for one of the query parameters specified in the request URI is invalid: {name}");
        Self { message: message.into(), ..Self::bad("InvalidQueryParameterValue", "") }
    }

    pub(super) fn invalid_header(name: &str) -> Self {
        let message = format!("The value for one of the HTTP headers is not in the correct format: {name}");
        Self { message: message.into(), ..Self::bad("InvalidHeaderValue", "") }
    }

    pub(super) fn invalid_flush_position() -> Self {
        Self::bad(
            "InvalidFlushPosition",
            "The uploaded data is not contiguous or the position query parameter value is not equal to the length of \
             the file after appending the uploaded data.",
        )
    }

    pub(super) fn filesystem_not_found() -> Self {
        Self::missing("FilesystemNotFound", "The specified filesystem does not exist.")
    }

    pub(super) fn filesystem_exists() -> Self {
        Self::conflict("FilesystemAlreadyExists", "The specified filesystem already exists.")
    }

    pub(super) fn path_not_found() -> Self {
        Self::missing("PathNotFound", "The specified path does not exist.")
    }

    pub(super) fn source_not_found() -> Self {
        Self::missing("SourcePathNotFound", "The source path for a rename operation does not exist.")
    }

    pub(super) fn destination_parent_not_found() -> Self {
        let message = "The parent directory of the destination path does not exist.";
        Self::missing("RenameDestinationParentPathNotFound", message)
    }

    pub(super) fn path_exists() -> Self {
        Self::conflict("PathAlreadyExists", "The specified path already exists.")
    }

    pub(super) fn path_conflict() -> Self {
        Self::conflict(
            "PathConflict",
            "The specified path, or an element of the path, exists and its resource type is invalid for this operation.",
        )
    }

    pub(super) fn condition_not_met() -> Self {
        Self::unmet("ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met.")
    }

    pub(super) fn source_condition_not_met() -> Self {
        let message = "The source condition specified using HTTP conditional header(s) is not met.";
        Self::unmet("SourceConditionNotMet", message)
    }

    pub(super) fn lease_unmet(code: &'static str, message: &'static str) -> Self {
        Self::unmet(code, message)
    }

    pub(super) fn invalid_range() -> Self {
        let status = StatusCode::RANGE_NOT_SATISFIABLE;
        Self::new(
            status,
            "InvalidRange",
            "The range specified is invalid for the current size of the resource.",
        )
    }

    pub(super) fn internal(doing: &str, error: &dyn std::fmt::Display) -> Self {
        tracing::error!(doing, %error, "the emulator failed");
        let message = format!("The emulator failed to {doing}: {error}");
        Self { message: message.into(), ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", "") }
    }

    /// What a fault rule without a body answers.
    pub(crate) fn injected(status: StatusCode) -> Self {
        let code = match status.as_u16() {
            403 => "AuthorizationFailure",
            500 => "InternalError",
            503 => "ServerBusy",
            _ => "FaultInjected",
        };
        Self::new(status, code, "Fault injected by the emulator.")
    }

    /// The answer. To `HEAD` it has no body, but the code as a header.
    pub(super) fn into_response(self, wire: Wire, head: bool, tags: &Tags) -> Response {
        let code = match (wire, self.code) {
            (Wire::Blob, "FilesystemNotFound") => "ContainerNotFound",
            (Wire::Blob, "FilesystemAlreadyExists") => "ContainerAlreadyExists",
            (Wire::Blob, "PathNotFound") => "BlobNotFound",
            (_, code) => code,
        };
        let message = format!("{}\nRequestId:{}\nTime:{}", self.message, tags.request_id, tags.time.iso());
        let (kind, body) = match wire {
            _ if head || self.status == StatusCode::NOT_MODIFIED => (None, String::new()),
            Wire::Dfs => {
                let body = json!({"error": {"code": code, "message": message}}).to_string();
                (Some("application/json;charset=utf-8"), body)
            }
            Wire::Blob => {
                let message = message.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                let body = format!(
                    "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code><Message>{message}</Message>\
                     </Error>"
                );
                (Some("application/xml"), body)
            }
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        response.headers_mut().insert("x-ms-error-code", HeaderValue::from_static(code));
        if let Some(challenge) = self.challenge.and_then(|text| HeaderValue::from_str(&text).ok()) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(kind) = kind {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        response
    }
}
