//! `GET` and `HEAD` of paths.

use std::{io::SeekFrom, sync::Arc};

use axum::{
    body::Body as Outgoing,
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::{
    Body, LakeError, Node,
    answer::Asked,
    conditions, dates,
    filesystems::describe_lease,
    lease::check_read,
    properties,
    reply::{empty, set, set_version, wanted},
};
use crate::clock::Stamp;

pub(super) async fn read(asked: &Asked<'_>) -> Result<Response, LakeError> {
    let node = node(asked)?;
    let Some(file) = &node.file else {
        // A guess: whoever wants the content of a directory has not looked at what it is.
        return Err(LakeError::path_conflict());
    };
    let headers = &asked.parts.headers;
    let range = wanted(headers, "x-ms-range").or_else(|| wanted(headers, "range"));
    let size = file.committed;
    let part = range.and_then(parse_range);
    let (status, first, length) = match part {
        None => (StatusCode::OK, 0, size),
        Some((first, _)) if first >= size => return Err(LakeError::invalid_range()),
        Some((first, last)) => (StatusCode::PARTIAL_CONTENT, first, last.min(size - 1) - first + 1),
    };
    let content = open(file.body.clone(), first, length).await?;
    let mut response = Response::new(content);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    describe(headers, &node, asked.state.clock.now());
    set(headers, "content-length", &length.to_string());
    if status == StatusCode::PARTIAL_CONTENT {
        set(headers, "content-range", &format!("bytes {first}-{}/{size}", first + length - 1));
    }
    Ok(response)
}

pub(super) fn head(asked: &Asked<'_>) -> Result<Response, LakeError> {
    let node = node(asked)?;
    let mut response = empty(StatusCode::OK);
    let headers = response.headers_mut();
    describe(headers, &node, asked.state.clock.now());
    if asked.query.get("action") == Some("getAccessControl") {
        set(headers, "x-ms-acl", "user::rwx,group::r-x,other::---");
    }
    set(headers, "content-length", &node.length().to_string());
    Ok(response)
}

/// The node that is meant, if the conditions allow to read it.
fn node(asked: &Asked<'_>) -> Result<Node, LakeError> {
    let headers = &asked.parts.headers;
    let mut lake = asked.state.lake();
    let node = lake.filesystem(asked.at)?.get(&asked.at.key).ok_or_else(LakeError::path_not_found)?;
    conditions::check_read(headers, node)?;
    check_read(node.lease.as_ref(), wanted(headers, "x-ms-lease-id"), asked.state.clock.now())?;
    Ok(node.clone())
}

fn describe(headers: &mut HeaderMap, node: &Node, now: Stamp) {
    set_version(headers, &node.etag, node.modified);
    set(headers, header::ACCEPT_RANGES.as_str(), "bytes");
    set(headers, "content-type", "application/octet-stream");
    properties::to_headers(headers, node);
    set(headers, "x-ms-resource-type", if node.is_directory() { "directory" } else { "file" });
    set(headers, "x-ms-owner", "$superuser");
    set(headers, "x-ms-group", "$superuser");
    set(headers, "x-ms-permissions", &node.permissions);
    set(headers, "x-ms-server-encrypted", "true");
    set(headers, "x-ms-creation-time", &dates::http(node.created));
    set(headers, "x-ms-blob-type", "BlockBlob");
    if node.is_directory() {
        set(headers, "x-ms-meta-hdi_isfolder", "true");
    }
    describe_lease(headers, node, now);
}

/// `bytes=a-b` and `bytes=a-`. Storage has no other ranges, and what HTTP does not know may be ignored.
fn parse_range(text: &str) -> Option<(u64, u64)> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let first = first.parse().ok()?;
    let last = if last.is_empty() { u64::MAX } else { last.parse().ok()? };
    (first <= last).then_some((first, last))
}

/// Streams a part of a body, and holds the body while that lasts.
async fn open(body: Arc<Body>, first: u64, length: u64) -> Result<Outgoing, LakeError> {
    let disk = |error: std::io::Error| LakeError::internal("read a file", &error);
    let mut file = tokio::fs::File::open(body.path()).await.map_err(disk)?;
    file.seek(SeekFrom::Start(first)).await.map_err(disk)?;
    let chunks = ReaderStream::with_capacity(file.take(length), 64 * 1024);
    let held = futures::StreamExt::map(chunks, move |chunk| {
        let _holder = &body;
        chunk
    });
    Ok(Outgoing::from_stream(held))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_from_to_or_from() {
        assert_eq!(parse_range("bytes=2-4"), Some((2, 4)));
        assert_eq!(parse_range("bytes=2-"), Some((2, u64::MAX)));
        for ignored in ["bytes=-3", "bytes=4-2", "bytes=0-1,3-4", "lines=1-2", "bytes=x-"] {
            assert_eq!(parse_range(ignored), None, "{ignored}");
        }
    }
}
