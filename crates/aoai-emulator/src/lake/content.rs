//! Bytes on disk.

use std::{
    io::{self, SeekFrom},
    path::Path,
    sync::Arc,
};

use axum::body::{Body, Bytes};
use futures::StreamExt;
use tempfile::TempPath;
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt, Take},
};

/// One generation of a file's bytes. The disk file goes with the last holder, so that a download under way survives an
/// overwrite. Committed bytes are never written again: appends go behind them.
#[derive(Debug)]
pub(crate) struct Content {
    path: TempPath,
}

impl Content {
    pub(crate) async fn create(dir: &Path) -> io::Result<Arc<Self>> {
        let dir = dir.to_owned();
        let made =
            tokio::task::spawn_blocking(move || tempfile::Builder::new().prefix("lake-").tempfile_in(dir));
        Ok(Arc::new(Self { path: made.await.map_err(io::Error::other)??.into_temp_path() }))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Streams a body to a position; how many bytes it had.
    pub(super) async fn write_at(&self, position: u64, body: Body) -> io::Result<u64> {
        let mut file = File::options().write(true).open(&self.path).await?;
        file.seek(SeekFrom::Start(position)).await?;
        let mut chunks = body.into_data_stream();
        let mut written = 0;
        while let Some(chunk) = chunks.next().await {
            let chunk: Bytes = chunk.map_err(io::Error::other)?;
            file.write_all(&chunk).await?;
            written += chunk.len() as u64;
        }
        file.flush().await?;
        Ok(written)
    }

    /// The bytes of a range.
    pub(crate) async fn read(&self, start: u64, length: u64) -> io::Result<Take<File>> {
        let mut file = File::open(&self.path).await?;
        file.seek(SeekFrom::Start(start)).await?;
        Ok(file.take(length))
    }
}
