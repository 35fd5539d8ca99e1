//! Renames, also between filesystems of an account; versions are kept.

use axum::{
    http::{HeaderMap, StatusCode},
    response::Response,
};
use percent_encoding::percent_decode_str;

use super::{
    call::LakeCall,
    conditions::{check_source, check_target, text},
    refusal::LakeError,
    reply,
    store::LakeStore,
};
use crate::state::Shared;

/// What `x-ms-rename-source` names: `/filesystem/path`, percent-encoded in parts or as a whole, with or without a SAS.
pub(super) struct Source {
    pub(super) filesystem: String,
    pub(super) path: String,
    /// The query that the header brought.
    pub(super) query: Option<String>,
    /// As it came, percent-encoded.
    raw: String,
}

impl Source {
    pub(super) fn parse(headers: &HeaderMap) -> Result<Self, LakeError> {
        let invalid = || LakeError::bad("InvalidSourceUri", "The source URI is invalid.");
        let raw = text(headers, "x-ms-rename-source").ok_or_else(invalid)?;
        let (raw, query) = match raw.split_once('?') {
            Some((raw, query)) => (raw, Some(query.to_owned())),
            None => (raw, None),
        };
        // Not encoded at all: the service refuses that.
        if raw.contains(' ') || !raw.is_ascii() {
            return Err(invalid());
        }
        let decoded = percent_decode_str(raw).decode_utf8().map_err(|_| invalid())?;
        let mut segments = decoded.split('/').filter(|segment| !segment.is_empty());
        let filesystem = segments.next().ok_or_else(invalid)?.to_owned();
        let path = segments.collect::<Vec<_>>().join("/");
        if path.is_empty() {
            Err(invalid())
        } else {
            Ok(Self { filesystem, path, query, raw: raw.to_owned() })
        }
    }

    /// The path as a request for it would have it.
    pub(super) fn wire_path(&self, account: &str) -> String {
        // Encoded as a whole, its slashes are encoded as well.
        let raw = self.raw.replace("%2F", "/").replace("%2f", "/");
        format!("/{account}/{}", raw.trim_start_matches('/'))
    }
}

/// `PUT` with `x-ms-rename-source`.
pub(super) fn rename(state: &Shared, call: &LakeCall, headers: &HeaderMap) -> Result<Response, LakeError> {
    let source = Source::parse(headers)?;
    let mut store = state.lake();
    check(&mut store, call, headers, &source)?;
    if source.filesystem != call.filesystem || source.path != call.path {
        let taken = store.filesystem(&call.account, &source.filesystem)?.tree.take(&source.path);
        let target = &mut store.filesystem(&call.account, &call.filesystem)?.tree;
        for (below, node) in taken {
            target.put(&format!("{}{below}", call.path), node);
        }
    }
    let tree = &store.filesystem(&call.account, &call.filesystem)?.tree;
    let node = tree.get(&call.path).ok_or_else(LakeError::path_not_found)?;
    Ok(reply::written(StatusCode::CREATED, node))
}

/// Everything that must hold before anything is moved.
fn check(
    store: &mut LakeStore,
    call: &LakeCall,
    headers: &HeaderMap,
    from: &Source,
) -> Result<(), LakeError> {
    let source = store.filesystem(&call.account, &from.filesystem)?.tree.get(&from.path).cloned();
    let source = source.ok_or_else(|| {
        LakeError::new(
            StatusCode::NOT_FOUND,
            "SourcePathNotFound",
            "The source path for a rename operation does not exist.",
        )
    })?;
    check_source(headers, &source)?;
    source.lease.check(text(headers, "x-ms-source-lease-id"))?;
    let tree = &store.filesystem(&call.account, &call.filesystem)?.tree;
    let same_tree = from.filesystem == call.filesystem;
    if same_tree && call.path.starts_with(&format!("{}/", from.path)) {
        return Err(LakeError::conflict("InvalidRenameSourcePath", "A path cannot be renamed below itself."));
    }
    let parent = call.path.rsplit_once('/').map_or("", |(parent, _)| parent);
    if !tree.is_directory(parent) {
        return Err(LakeError::new(
            StatusCode::NOT_FOUND,
            "RenameDestinationParentPathNotFound",
            "The parent directory of the destination path does not exist.",
        ));
    }
    let standing = tree.get(&call.path);
    check_target(headers, standing)?;
    let Some(standing) = standing else { return Ok(()) };
    if same_tree && from.path == call.path {
        return Ok(());
    }
    standing.lease.check(text(headers, "x-ms-lease-id"))?;
    match (source.is_directory(), standing.is_directory()) {
        (false, false) => Ok(()),
        (true, true) if !tree.has_children(&call.path) => Ok(()),
        (true, true) => {
            Err(LakeError::conflict("DirectoryNotEmpty", "The destination directory is not empty."))
        }
        _ => Err(LakeError::wrong_type()),
    }
}
