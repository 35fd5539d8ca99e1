//! `PUT` with `x-ms-rename-source`

use axum::{http::StatusCode, response::Response};

use super::{
    Address, LakeError, Node,
    address::SEPARATOR,
    answer::Asked,
    conditions,
    delete::check_leases_below,
    lease::check_write,
    reply::{versioned, wanted},
};

pub(super) fn rename(asked: &Asked<'_>) -> Result<Response, LakeError> {
    let headers = &asked.parts.headers;
    let now = asked.state.clock.now();
    let source = wanted(headers, "x-ms-rename-source").ok_or_else(LakeError::invalid_source_uri)?;
    let source = Address::parse_source(&asked.at.account, source)?;
    let target = asked.at;
    let mut lake = asked.state.lake();
    let is_directory = {
        let filesystem = lake.filesystem(&source)?;
        let node = filesystem.get(&source.key).ok_or_else(LakeError::source_not_found)?;
        conditions::check_source(headers, node)?;
        check_write(node.lease.as_ref(), wanted(headers, "x-ms-source-lease-id"), now)?;
        check_leases_below(filesystem, &source.key, now)?;
        node.is_directory()
    };
    let filesystem = lake.filesystem(target)?;
    let existing = filesystem.get(&target.key);
    conditions::check_create(headers, existing)?;
    if source == *target && !is_directory {
        // A guess: a file that is renamed to what it is called already is where it should be.
        let node = existing.ok_or_else(LakeError::source_not_found)?;
        return Ok(versioned(StatusCode::CREATED, &node.etag, node.modified));
    }
    let inside = source.filesystem == target.filesystem
        && format!("{}{SEPARATOR}", target.key).starts_with(&format!("{}{SEPARATOR}", source.key));
    if inside {
        return Err(LakeError::conflict(
            "InvalidRenameSourcePath",
            "The source directory cannot be the same as the destination directory, nor can the destination be a \
             subdirectory of the source directory.",
        ));
    }
    match filesystem.parent(&target.key).map(Node::is_directory) {
        Some(true) => {}
        Some(false) => {
            return Err(LakeError::conflict(
                "InvalidDestinationPath",
                "The specified path, or an element of the path, exists and its resource type is invalid for this \
                 operation.",
            ));
        }
        None => return Err(LakeError::destination_parent_not_found()),
    }
    if let Some(existing) = existing {
        if existing.is_directory() != is_directory {
            return Err(LakeError::conflict(
                "InvalidSourceOrDestinationResourceType",
                "The source and destination resource type must be identical.",
            ));
        }
        check_write(existing.lease.as_ref(), wanted(headers, "x-ms-lease-id"), now)?;
        if is_directory && !filesystem.is_empty(&target.key) {
            // A guess at the code; that it is refused is known.
            return Err(LakeError::conflict(
                "DirectoryNotEmpty",
                "The destination of a rename must not be a directory with content.",
            ));
        }
    }
    let mut taken = lake.filesystem(&source)?.take(&source.key);
    if asked.state.config.lake.rename_changes_etag {
        taken.iter_mut().for_each(|(_, node)| node.touch(now));
    }
    let moved = taken.first().map(|(_, node)| (node.etag.clone(), node.modified));
    lake.filesystem(target)?.put(&target.key, taken);
    let (etag, modified) = moved.ok_or_else(LakeError::source_not_found)?;
    Ok(versioned(StatusCode::CREATED, &etag, modified))
}
