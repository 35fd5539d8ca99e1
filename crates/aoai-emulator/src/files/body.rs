//! Bodies on disk.

use std::{
    fmt::Write as _,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use sha2::{Digest, Sha256};
use tempfile::TempPath;
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncWriteExt, BufWriter},
    sync::OnceCell,
};

use super::Scan;

/// A body that is complete. The file goes when the last holder goes, so a batch may outlive its input's deletion.
#[derive(Debug)]
pub(crate) struct StoredBody {
    path: TempPath,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
    scan: OnceCell<Arc<Scan>>,
}

impl StoredBody {
    pub(crate) fn new(path: TempPath, bytes: u64, sha256: String) -> Self {
        Self { path, bytes, sha256, scan: OnceCell::new() }
    }

    /// The first `length` bytes of another file, hashed on the way.
    pub(crate) async fn copy(dir: &Path, from: &Path, length: u64) -> io::Result<Arc<Self>> {
        let mut from = File::open(from).await?.take(length);
        let mut writer = BodyWriter::create(dir).await?;
        let mut piece = vec![0; 256 * 1024];
        loop {
            match from.read(&mut piece).await? {
                0 => return writer.finish().await,
                read => writer.write(&piece[..read]).await?,
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The lines of the body as batch requests; read once, off the async threads.
    pub(crate) async fn scan(self: &Arc<Self>, max_lines: usize) -> io::Result<Arc<Scan>> {
        let scan = self.scan.get_or_try_init(|| async {
            let body = self.clone();
            let read = tokio::task::spawn_blocking(move || Scan::read(body.path(), max_lines));
            read.await.map_err(io::Error::other)?.map(Arc::new)
        });
        scan.await.cloned()
    }
}

/// Writes a body as it comes in, hashing on the way.
#[derive(Debug)]
pub(crate) struct BodyWriter {
    file: BufWriter<File>,
    path: TempPath,
    hash: Sha256,
    bytes: u64,
}

impl BodyWriter {
    pub(crate) async fn create(dir: &Path) -> io::Result<Self> {
        let dir: PathBuf = dir.to_owned();
        let made = tokio::task::spawn_blocking(move || tempfile::Builder::new().tempfile_in(dir));
        let (file, path) = made.await.map_err(io::Error::other)??.into_parts();
        let file = BufWriter::with_capacity(256 * 1024, File::from_std(file));
        Ok(Self { file, path, hash: Sha256::new(), bytes: 0 })
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) async fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.hash.update(chunk);
        self.bytes += chunk.len() as u64;
        self.file.write_all(chunk).await
    }

    pub(crate) async fn finish(mut self) -> io::Result<Arc<StoredBody>> {
        self.file.flush().await?;
        Ok(Arc::new(StoredBody::new(self.path, self.bytes, hex(&self.hash.finalize()))))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}
