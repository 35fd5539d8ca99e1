//! The bytes of a file on disk.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::body::Bytes;
use sha2::{Digest, Sha256};
use tempfile::TempPath;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use crate::lake::LakeError;

/// The bytes of one generation of a file: committed ones, and behind them what was appended since. The disk file goes
/// when its last holder goes, so a download outlives an overwrite.
#[derive(Debug)]
pub(crate) struct Body {
    path: TempPath,
    /// Shared by appends, taken alone by a flush: an append that still writes must not change what is committed.
    appends: Arc<RwLock<()>>,
}

impl Body {
    pub(super) async fn create(dir: &Path) -> Result<Arc<Self>, LakeError> {
        let dir: PathBuf = dir.to_owned();
        blocking("create a file", move || Self::create_now(&dir)).await
    }

    fn create_now(dir: &Path) -> io::Result<Arc<Self>> {
        let path = tempfile::Builder::new().prefix("lake-").tempfile_in(dir)?.into_temp_path();
        Ok(Arc::new(Self { path, appends: Arc::default() }))
    }

    /// A body with this content; its length too.
    pub(super) async fn with(
        dir: &Path,
        mut content: impl Read + Send + 'static,
    ) -> Result<(Arc<Self>, u64), LakeError> {
        let dir: PathBuf = dir.to_owned();
        blocking("write a file", move || {
            let body = Self::create_now(&dir)?;
            let mut file = File::options().write(true).open(&body.path)?;
            let length = io::copy(&mut content, &mut file)?;
            Ok((body, length))
        })
        .await
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Waits until nobody appends, and keeps it so.
    pub(super) async fn settle(&self) -> OwnedRwLockWriteGuard<()> {
        self.appends.clone().write_owned().await
    }

    /// SHA-256 in hex of the first `length` bytes.
    pub(crate) async fn sha256(self: Arc<Self>, length: u64) -> Result<String, LakeError> {
        blocking("hash a file", move || {
            let mut hash = Sha256::new();
            let mut content = BufReader::with_capacity(64 * 1024, File::open(&self.path)?.take(length));
            loop {
                let piece = content.fill_buf()?;
                if piece.is_empty() {
                    break;
                }
                hash.update(piece);
                let read = piece.len();
                content.consume(read);
            }
            Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
        })
        .await
    }
}

/// Writes one append as it comes in.
#[derive(Debug)]
pub(super) struct Appender {
    file: File,
    _sharing: OwnedRwLockReadGuard<()>,
    /// Moves along, so that this is the end of what was written in the end.
    pub(super) position: u64,
    /// Where bytes start to count.
    pub(super) floor: u64,
}

impl Appender {
    /// `floor` tells, once no flush is under way, how far the body is committed: what is below is swallowed.
    pub(super) async fn open(
        body: &Body,
        position: u64,
        floor: impl FnOnce() -> u64,
    ) -> Result<Self, LakeError> {
        let sharing = body.appends.clone().read_owned().await;
        let path = body.path.to_path_buf();
        let file = blocking("open a file", move || File::options().write(true).open(path)).await?;
        Ok(Self { file, _sharing: sharing, position, floor: floor() })
    }

    /// The lock goes along to where the writing is done, so that it is held even when the request is dropped.
    pub(super) async fn write(mut self, bytes: Bytes) -> Result<Self, LakeError> {
        blocking("append to a file", move || {
            let end = self.position + bytes.len() as u64;
            let skip = self.floor.saturating_sub(self.position).min(bytes.len() as u64);
            self.file.seek(SeekFrom::Start(self.position + skip))?;
            // Bounded by the length of a slice.
            self.file.write_all(&bytes[usize::try_from(skip).unwrap_or(bytes.len())..])?;
            self.position = end;
            Ok(self)
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(
    doing: &str,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, LakeError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(io::Error::other).and_then(|done| done);
    done.map_err(|error| LakeError::internal(doing, &error))
}
