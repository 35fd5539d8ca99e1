//! What all answers of the storage half have in common.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};

use super::dates;
use crate::clock::Stamp;

/// The version of the answer to who asks for none.
const DEFAULT_VERSION: &str = "2023-11-03";

/// What ties an answer to its request.
#[derive(Debug)]
pub(crate) struct Tags {
    pub(super) request_id: String,
    pub(super) time: Stamp,
    version: HeaderValue,
    client_request_id: Option<HeaderValue>,
}

impl Tags {
    pub(crate) fn new(headers: &HeaderMap, now: Stamp) -> Self {
        let version = headers.get("x-ms-version").cloned();
        Self {
            request_id: uuid::Uuid::new_v4().to_string(),
            time: now,
            version: version.unwrap_or(HeaderValue::from_static(DEFAULT_VERSION)),
            client_request_id: headers.get("x-ms-client-request-id").cloned(),
        }
    }

    /// Adds what every answer carries.
    pub(crate) fn tag(self, mut response: Response) -> Response {
        let server = HeaderValue::from_static("Windows-Azure-HDFS/1.0 Microsoft-HTTPAPI/2.0");
        let headers = response.headers_mut();
        headers.insert(header::SERVER, server);
        set(headers, "date", &dates::http(self.time));
        set(headers, "x-ms-request-id", &self.request_id);
        headers.insert("x-ms-version", self.version);
        if let Some(id) = self.client_request_id {
            headers.insert("x-ms-client-request-id", id);
        }
        response
    }
}

/// A header of the request; empty ones count as absent, as the official Python client sends those.
pub(super) fn wanted<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty())
}

/// Sets a header; what no header can hold is left out.
pub(super) fn set(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
        headers.insert(name, value);
    }
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// An answer without a body that tells a new or kept `ETag`.
pub(super) fn versioned(status: StatusCode, etag: &str, modified: Stamp) -> Response {
    let mut response = empty(status);
    set_version(response.headers_mut(), etag, modified);
    response
}

pub(super) fn set_version(headers: &mut HeaderMap, etag: &str, modified: Stamp) {
    set(headers, "etag", &format!("\"{etag}\""));
    set(headers, "last-modified", &dates::http(modified));
}
