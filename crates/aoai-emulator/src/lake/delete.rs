//! `DELETE` of paths.

use axum::{http::StatusCode, response::Response};

use super::{
    Filesystem, LakeError,
    answer::Asked,
    conditions,
    lease::check_write,
    reply::{empty, wanted},
};
use crate::clock::Stamp;

pub(super) fn delete(asked: &Asked<'_>) -> Result<Response, LakeError> {
    let headers = &asked.parts.headers;
    let now = asked.state.clock.now();
    let recursive = asked.query.get("recursive") == Some("true");
    let key = &asked.at.key;
    let mut lake = asked.state.lake();
    let filesystem = lake.filesystem(asked.at)?;
    let node = filesystem.get(key).ok_or_else(LakeError::path_not_found)?;
    conditions::check_write(headers, Some(node))?;
    check_write(node.lease.as_ref(), wanted(headers, "x-ms-lease-id"), now)?;
    if node.is_directory() && !recursive && !filesystem.is_empty(key) {
        let message = "The recursive query parameter value must be true to delete a non-empty directory.";
        return Err(LakeError::conflict("DirectoryNotEmpty", message));
    }
    check_leases_below(filesystem, key, now)?;
    drop(filesystem.take(key));
    Ok(empty(StatusCode::OK))
}

/// No request can name the leases of many files, so one of them is in the way of all.
pub(super) fn check_leases_below(filesystem: &Filesystem, key: &str, now: Stamp) -> Result<(), LakeError> {
    if filesystem.is_leased_below(key, now) {
        let message =
            "There is currently a lease on a resource below and no lease ID was specified in the request.";
        return Err(LakeError::lease_unmet("LeaseIdMissing", message));
    }
    Ok(())
}
