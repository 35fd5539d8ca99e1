//! The lake for tests and for the rest of the emulator: no signatures, no faults, no traces.

use std::io;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;

use super::{content::Content, node::Node, refusal::LakeError};
use crate::state::Shared;

/// One path in a filesystem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LakeEntry {
    /// Segments joined by `/`.
    pub path: String,
    /// Whether it is a directory.
    pub directory: bool,
    /// Its size; 0 for directories.
    pub bytes: u64,
    /// Its version, without quotes.
    pub etag: String,
    /// SHA-256 of its content in hex; empty for directories.
    pub sha256: String,
}

/// Writes a file at once, over what may be there; its filesystem is made if need be.
pub(crate) async fn put(
    state: &Shared,
    account: &str,
    filesystem: &str,
    path: &str,
    bytes: &[u8],
) -> Result<(), LakeError> {
    let disk = |error: io::Error| LakeError::disk(&error);
    let content = Content::create(state.body_dir()).await.map_err(disk)?;
    tokio::fs::write(content.path(), bytes).await.map_err(disk)?;
    let mut lake = state.lake();
    if lake.filesystem(account, filesystem).is_err() {
        lake.create_filesystem(account, filesystem)?;
    }
    lake.put(account, filesystem, path, content, bytes.len() as u64)
}

/// Everything in a filesystem, in order, as of one moment.
pub(crate) async fn entries(
    state: &Shared,
    account: &str,
    filesystem: &str,
) -> Result<Vec<LakeEntry>, LakeError> {
    let nodes: Vec<(String, Node)> = {
        let mut lake = state.lake();
        let tree = &lake.filesystem(account, filesystem)?.tree;
        tree.below("", None).map(|(key, node)| (key.path(), node.clone())).collect()
    };
    let mut entries = Vec::with_capacity(nodes.len());
    for (path, node) in nodes {
        let sha256 = match node.file() {
            Some(file) => {
                digest(&file.content, file.length).await.map_err(|error| LakeError::disk(&error))?
            }
            None => String::new(),
        };
        let (directory, bytes) = (node.is_directory(), node.length());
        entries.push(LakeEntry { path, directory, bytes, etag: node.etag, sha256 });
    }
    Ok(entries)
}

async fn digest(content: &Content, length: u64) -> io::Result<String> {
    let mut source = content.read(0, length).await?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 256 << 10]);
    loop {
        match source.read(&mut buffer).await? {
            0 => return Ok(crate::files::hex(&hash.finalize())),
            read => hash.update(&buffer[..read]),
        }
    }
}
