//! `If-Match` and its relatives.

use axum::http::{HeaderMap, StatusCode, request::Parts};

use super::{LakeError, Node, dates, reply::wanted};

/// How the conditions of a request turned out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Met,
    /// `If-Match` or `If-Unmodified-Since` does not hold.
    Changed,
    /// `If-None-Match: *`, but there is something.
    Exists,
    /// `If-None-Match` or `If-Modified-Since` does not hold.
    Unchanged,
}

/// Looks at the conditions whose names begin with `prefix`, which is empty or `x-ms-source-`.
pub(super) fn judge(headers: &HeaderMap, prefix: &str, node: Option<&Node>) -> Verdict {
    let condition = |name: &str| wanted(headers, &format!("{prefix}{name}"));
    let seconds = |name: &str| condition(name).and_then(dates::parse_http);
    let modified = node.map(|node| node.modified.unix_seconds());
    if condition("if-match").is_some_and(|tags| !node.is_some_and(|node| names(tags, &node.etag))) {
        return Verdict::Changed;
    }
    if let (Some(limit), Some(modified)) = (seconds("if-unmodified-since"), modified)
        && modified > limit
    {
        return Verdict::Changed;
    }
    match (condition("if-none-match"), node) {
        (Some(tags), Some(_)) if tags.trim() == "*" => return Verdict::Exists,
        (Some(tags), Some(node)) if names(tags, &node.etag) => return Verdict::Unchanged,
        // The tag decides where both are given.
        (Some(_), _) => return Verdict::Met,
        (None, _) => {}
    }
    match (seconds("if-modified-since"), modified) {
        (Some(limit), Some(modified)) if modified <= limit => Verdict::Unchanged,
        _ => Verdict::Met,
    }
}

/// The request as if it had no conditions.
pub(super) fn without(parts: &Parts) -> Parts {
    let mut parts = parts.clone();
    for name in ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since"] {
        parts.headers.remove(name);
        parts.headers.remove(format!("x-ms-source-{name}"));
    }
    parts
}

/// Conditions of a write to what exists.
pub(super) fn check_write(headers: &HeaderMap, node: Option<&Node>) -> Result<(), LakeError> {
    match judge(headers, "", node) {
        Verdict::Met => Ok(()),
        _ => Err(LakeError::condition_not_met()),
    }
}

/// Conditions of a create or of a rename's destination.
pub(super) fn check_create(headers: &HeaderMap, node: Option<&Node>) -> Result<(), LakeError> {
    match judge(headers, "", node) {
        Verdict::Met => Ok(()),
        Verdict::Exists => Err(LakeError::path_exists()),
        _ => Err(LakeError::condition_not_met()),
    }
}

/// Conditions of a rename's source.
pub(super) fn check_source(headers: &HeaderMap, node: &Node) -> Result<(), LakeError> {
    match judge(headers, "x-ms-source-", Some(node)) {
        Verdict::Met => Ok(()),
        _ => Err(LakeError::source_condition_not_met()),
    }
}

/// Conditions of a read.
pub(super) fn check_read(headers: &HeaderMap, node: &Node) -> Result<(), LakeError> {
    match judge(headers, "", Some(node)) {
        Verdict::Met => Ok(()),
        Verdict::Changed => Err(LakeError::condition_not_met()),
        Verdict::Exists | Verdict::Unchanged => {
            Err(LakeError { status: StatusCode::NOT_MODIFIED, ..LakeError::condition_not_met() })
        }
    }
}

/// Whether a list of tags, each with or without quotes, holds this one.
fn names(tags: &str, etag: &str) -> bool {
    tags.split(',').map(|tag| tag.trim().trim_matches('"')).any(|tag| tag == "*" || tag == etag)
}
