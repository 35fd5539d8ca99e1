//! What is known of a path besides its bytes.

use axum::{
    http::{HeaderMap, StatusCode},
    response::Response,
};
use base64::{Engine, prelude::BASE64_STANDARD};

use super::{
    call::LakeCall,
    conditions::{check_existing, text},
    node::Node,
    refusal::LakeError,
    reply,
};
use crate::{server::Query, state::Shared};

/// `HEAD`.
pub(super) fn head(state: &Shared, call: &LakeCall, headers: &HeaderMap) -> Result<Response, LakeError> {
    let mut store = state.lake();
    let filesystem = store.filesystem(&call.account, &call.filesystem)?;
    let node = filesystem.find(&call.path).ok_or_else(LakeError::path_not_found)?;
    check_existing(headers, node)?;
    let mut response = reply::empty(StatusCode::OK);
    reply::describe(&mut response, node);
    // The DFS form of the metadata, beside the blob form.
    let pairs: Vec<String> =
        node.metadata.iter().map(|(key, value)| format!("{key}={}", BASE64_STANDARD.encode(value))).collect();
    reply::set(&mut response, "x-ms-properties", &pairs.join(","));
    reply::set(&mut response, "x-ms-acl", "user::rw-,group::r--,other::---");
    Ok(response)
}

/// Metadata, properties and access control: what is kept is kept, the rest is accepted.
pub(super) fn set(
    state: &Shared,
    call: &LakeCall,
    query: &Query,
    headers: &HeaderMap,
) -> Result<Response, LakeError> {
    let mut store = state.lake();
    let filesystem = store.filesystem(&call.account, &call.filesystem)?;
    let node = if call.path.is_empty() {
        &mut filesystem.root
    } else {
        filesystem.tree.get_mut(&call.path).ok_or_else(LakeError::path_not_found)?
    };
    node.lease.check(text(headers, "x-ms-lease-id"))?;
    check_existing(headers, node)?;
    if query.get("comp") == Some("metadata") {
        // It replaces all that was there.
        node.metadata.clear();
    }
    apply(node, headers)?;
    if query.get("action") != Some("setAccessControl") {
        node.touch();
    }
    Ok(reply::written(StatusCode::OK, node))
}

/// Takes over what the headers say of a path.
pub(super) fn apply(node: &mut Node, headers: &HeaderMap) -> Result<(), LakeError> {
    for (name, value) in headers {
        if let (Some(name), Ok(value)) = (name.as_str().strip_prefix("x-ms-meta-"), value.to_str()) {
            node.metadata.insert(name.to_owned(), value.to_owned());
        }
    }
    if let Some(pairs) = text(headers, "x-ms-properties") {
        for pair in pairs.split(',').filter(|pair| !pair.is_empty()) {
            let decoded = pair.split_once('=').and_then(|(key, value)| {
                let value = String::from_utf8(BASE64_STANDARD.decode(value).ok()?).ok()?;
                Some((key.trim().to_owned(), value))
            });
            let (key, value) = decoded.ok_or_else(|| {
                LakeError::bad("InvalidHeaderValue", "x-ms-properties is not name=base64,…")
            })?;
            node.metadata.insert(key, value);
        }
    }
    let content_type =
        ["x-ms-content-type", "x-ms-blob-content-type"].into_iter().find_map(|name| text(headers, name));
    if let Some(content_type) = content_type {
        node.content_type = Some(content_type.to_owned());
    }
    Ok(())
}

/// `comp=lease`.
pub(super) fn lease(state: &Shared, call: &LakeCall, headers: &HeaderMap) -> Result<Response, LakeError> {
    let mut store = state.lake();
    let filesystem = store.filesystem(&call.account, &call.filesystem)?;
    let node = filesystem.tree.get_mut(&call.path).ok_or_else(LakeError::path_not_found)?;
    check_existing(headers, node)?;
    let leased = node.lease.act(headers)?;
    let mut response = reply::empty(leased.status);
    reply::version(&mut response, node);
    match leased.id {
        Some(id) => reply::set(&mut response, "x-ms-lease-id", &id),
        None if leased.status == StatusCode::ACCEPTED => reply::set(&mut response, "x-ms-lease-time", "0"),
        None => {}
    }
    Ok(response)
}
