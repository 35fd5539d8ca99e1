//! Files and directories go.

use axum::{
    http::{HeaderMap, StatusCode},
    response::Response,
};

use super::{
    call::LakeCall,
    conditions::{check_existing, text},
    refusal::LakeError,
    reply,
};
use crate::{server::Query, state::Shared};

/// `DELETE`.
pub(super) fn delete(
    state: &Shared,
    call: &LakeCall,
    query: &Query,
    headers: &HeaderMap,
) -> Result<Response, LakeError> {
    let mut store = state.lake();
    let tree = &mut store.filesystem(&call.account, &call.filesystem)?.tree;
    let node = tree.get(&call.path).ok_or_else(LakeError::path_not_found)?;
    check_existing(headers, node)?;
    node.lease.check(text(headers, "x-ms-lease-id"))?;
    if node.is_directory() && query.get("recursive") != Some("true") && tree.has_children(&call.path) {
        return Err(LakeError::conflict(
            "DirectoryNotEmpty",
            "The recursive query parameter value must be true to delete a non-empty directory.",
        ));
    }
    tree.take(&call.path);
    Ok(reply::empty(StatusCode::OK))
}
