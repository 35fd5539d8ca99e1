//! The lake for the rest of the emulator: no signatures, no faults, no traces.

use std::{io::Read, sync::Arc};

use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::{Address, Body, Filesystem, LakeError, Node, address, store::is_filesystem_name};
use crate::{clock::Stamp, files::is_loopback, state::Shared};

/// One path in a filesystem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LakeEntry {
    /// Its path, without a slash in front.
    pub path: String,
    /// Whether it is a directory.
    pub directory: bool,
    /// Its size; 0 for directories.
    pub bytes: u64,
    /// Its tag, without quotes.
    pub etag: String,
    /// SHA-256 of its content in hex; empty for directories.
    pub sha256: String,
}

/// A file as it was at a moment. What is written later does not show in it.
#[derive(Debug, Clone)]
pub(crate) struct OpenFile {
    pub(crate) body: Arc<Body>,
    pub(crate) length: u64,
    pub(crate) etag: String,
    pub(crate) modified: Stamp,
}

/// The place that a URL of this emulator's own storage means.
pub(crate) fn locate(state: &Shared, url: &Url) -> Option<Address> {
    // Our own listeners only: whatever else listens on loopback has a lake of its own, or none.
    let own = [Some(&state.url), state.tls_url.as_ref()].into_iter().flatten();
    let mut ports = own.filter_map(|own| Url::parse(own).ok()?.port_or_known_default());
    let here = is_loopback(url) && ports.any(|port| url.port_or_known_default() == Some(port));
    let at = Address::parse(url.path()).ok().filter(|_| here)?;
    (state.lake().has(&at.account) && !at.filesystem.is_empty()).then_some(at)
}

/// Opens a file; none if there is no such file.
pub(crate) fn open(state: &Shared, at: &Address) -> Option<OpenFile> {
    let mut lake = state.lake();
    let node = lake.filesystem(at).ok()?.get(&at.key)?;
    let file = node.file.as_ref()?;
    let (body, etag) = (file.body.clone(), node.etag.clone());
    Some(OpenFile { body, length: file.committed, etag, modified: node.modified })
}

/// Writes a file at once, over what may be there, leases or not.
pub(crate) async fn put(
    state: &Shared,
    at: &Address,
    content: impl Read + Send + 'static,
) -> Result<(), LakeError> {
    let (body, length) = Body::with(state.body_dir(), content).await?;
    let now = state.clock.now();
    let mut lake = state.lake();
    let filesystem = lake.filesystem(at)?;
    if at.key.is_empty() || filesystem.has_directory(&at.key) {
        return Err(LakeError::path_conflict());
    }
    filesystem.insert(&at.key, Node::file(body, length, now), now)
}

/// Makes a filesystem if there is none.
pub(crate) fn ensure_filesystem(state: &Shared, account: &str, filesystem: &str) -> Result<(), LakeError> {
    if !is_filesystem_name(filesystem) {
        return Err(LakeError::invalid_resource_name());
    }
    let now = state.clock.now();
    let mut lake = state.lake();
    let all = &mut lake.account(account)?.filesystems;
    all.entry(filesystem.to_owned()).or_insert_with(|| Filesystem::new(now));
    Ok(())
}

pub(crate) fn delete_filesystem(state: &Shared, account: &str, filesystem: &str) -> Result<(), LakeError> {
    let removed = state.lake().account(account)?.filesystems.remove(filesystem);
    removed.map(drop).ok_or_else(LakeError::filesystem_not_found)
}

/// Everything in a filesystem, in order, as of one moment.
pub(crate) async fn entries(
    state: &Shared,
    account: &str,
    filesystem: &str,
) -> Result<Vec<LakeEntry>, LakeError> {
    let at = Address::new(account, filesystem, "")?;
    let nodes: Vec<(String, Node)> =
        state.lake().filesystem(&at)?.all().map(|(key, node)| (address::path(key), node.clone())).collect();
    let mut entries = Vec::with_capacity(nodes.len());
    for (path, node) in nodes {
        let bytes = node.length();
        let sha256 = match &node.file {
            Some(file) => file.body.clone().sha256(bytes).await?,
            None => String::new(),
        };
        entries.push(LakeEntry { path, directory: node.is_directory(), bytes, etag: node.etag, sha256 });
    }
    Ok(entries)
}
