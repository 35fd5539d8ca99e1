//! Headers that answers share.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};

use super::node::Node;
use crate::clock::Stamp;

pub(super) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

pub(super) fn set(response: &mut Response, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}

/// An empty answer with the version of what was written.
pub(super) fn written(status: StatusCode, node: &Node) -> Response {
    let mut response = empty(status);
    version(&mut response, node);
    set(&mut response, "x-ms-request-server-encrypted", "true");
    response
}

pub(super) fn version(response: &mut Response, node: &Node) {
    set(response, "etag", &format!("\"{}\"", node.etag));
    set(response, "last-modified", &http_date(node.modified));
}

/// Everything that a look at a path tells.
pub(super) fn describe(response: &mut Response, node: &Node) {
    version(response, node);
    let directory = node.is_directory();
    let (state, status) = node.lease.state();
    for (name, value) in [
        ("x-ms-resource-type", if directory { "directory" } else { "file" }),
        ("x-ms-owner", "$superuser"),
        ("x-ms-group", "$superuser"),
        ("x-ms-permissions", if directory { "rwxr-x---" } else { "rw-r-----" }),
        ("x-ms-lease-state", state),
        ("x-ms-lease-status", status),
        ("x-ms-server-encrypted", "true"),
        ("x-ms-blob-type", "BlockBlob"),
        ("accept-ranges", "bytes"),
        ("content-type", node.content_type.as_deref().unwrap_or("application/octet-stream")),
        ("x-ms-creation-time", &http_date(node.created)),
    ] {
        set(response, name, value);
    }
    if directory {
        set(response, "x-ms-meta-hdi_isfolder", "true");
    }
    for (name, value) in &node.metadata {
        if let (Ok(name), Ok(value)) =
            (HeaderName::try_from(format!("x-ms-meta-{name}")), HeaderValue::try_from(value))
        {
            response.headers_mut().insert(name, value);
        }
    }
    response.headers_mut().insert(header::CONTENT_LENGTH, node.length().into());
}

/// `Thu, 01 Jan 1970 00:00:00 GMT`.
pub(super) fn http_date(at: Stamp) -> String {
    const FORMAT: &[time::format_description::BorrowedFormatItem<'_>] = time::macros::format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    time::OffsetDateTime::from_unix_timestamp(at.unix_seconds())
        .ok()
        .and_then(|time| time.format(FORMAT).ok())
        .unwrap_or_default()
}
