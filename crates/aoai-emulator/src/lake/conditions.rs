//! Conditional headers.

use axum::http::{HeaderMap, StatusCode};

use super::{node::Node, refusal::LakeError};

/// A header as text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim).filter(|text| !text.is_empty())
}

/// Whether a list of versions holds this one; `*` is any.
fn names(list: &str, etag: &str) -> bool {
    list.split(',').map(|one| one.trim().trim_matches('"')).any(|one| one == "*" || one == etag)
}

/// `If-Match` and `If-None-Match` on what stands where something is written.
pub(super) fn check_target(headers: &HeaderMap, standing: Option<&Node>) -> Result<(), LakeError> {
    if text(headers, "if-none-match") == Some("*") && standing.is_some() {
        return Err(LakeError::path_already_exists());
    }
    match (text(headers, "if-match"), standing) {
        (Some(wanted), Some(node)) if !names(wanted, &node.etag) => {
            Err(LakeError::precondition("ConditionNotMet"))
        }
        (Some(_), None) => Err(LakeError::precondition("ConditionNotMet")),
        _ => Ok(()),
    }
}

/// The same on what a rename takes away.
pub(super) fn check_source(headers: &HeaderMap, source: &Node) -> Result<(), LakeError> {
    let wanted = text(headers, "x-ms-source-if-match");
    let unwanted = text(headers, "x-ms-source-if-none-match");
    if wanted.is_some_and(|wanted| !names(wanted, &source.etag))
        || unwanted.is_some_and(|unwanted| names(unwanted, &source.etag))
    {
        return Err(LakeError::precondition("SourceConditionNotMet"));
    }
    Ok(())
}

/// On what is read, changed or deleted.
pub(super) fn check_existing(headers: &HeaderMap, node: &Node) -> Result<(), LakeError> {
    if text(headers, "if-match").is_some_and(|wanted| !names(wanted, &node.etag)) {
        return Err(LakeError::precondition("ConditionNotMet"));
    }
    if text(headers, "if-none-match").is_some_and(|unwanted| names(unwanted, &node.etag)) {
        return Err(LakeError::new(
            StatusCode::NOT_MODIFIED,
            "ConditionNotMet",
            "The version is the one you have.",
        ));
    }
    Ok(())
}
