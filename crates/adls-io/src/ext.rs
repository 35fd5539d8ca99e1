//! Conveniences on every lake.

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;

use crate::{Condition, DataLake, Entry, Error, ErrorKind, Location, ReadOptions, Result, Written};

/// Conveniences that every [`DataLake`] has.
#[async_trait]
pub trait DataLakeExt: DataLake {
    /// Looks at one path; `None` where there is nothing.
    async fn find(&self, at: &Location) -> Result<Option<Entry>> {
        match self.head(at).await {
            Ok(entry) => Ok(Some(entry)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether there is a file or directory.
    async fn exists(&self, at: &Location) -> Result<bool> {
        Ok(self.find(at).await?.is_some())
    }

    /// Reads a small file as a whole; one of more than `max_bytes` is `Invalid`.
    async fn read_all(&self, at: &Location, max_bytes: u64) -> Result<Bytes> {
        Ok(self.read_versioned(at, max_bytes).await?.1)
    }

    /// Reads a small file as a whole, together with what it was when it was opened; one of more than `max_bytes`
    /// is `Invalid`.
    async fn read_versioned(&self, at: &Location, max_bytes: u64) -> Result<(Entry, Bytes)> {
        let mut stream = self.read(at, ReadOptions::default()).await?;
        let too_large = || {
            Error::new(ErrorKind::Invalid, "read", at, format!("the file has more than {max_bytes} bytes"))
        };
        if stream.entry.size > max_bytes {
            return Err(too_large());
        }
        let mut all = BytesMut::new();
        while let Some(chunk) = stream.body.next().await {
            let chunk = chunk?;
            // A backend could send more than it promised: the bound must hold all the same.
            if all.len() as u64 + chunk.len() as u64 > max_bytes {
                return Err(too_large());
            }
            all.extend_from_slice(&chunk);
        }
        Ok((stream.entry, all.freeze()))
    }

    /// Writes a file as a whole.
    async fn write_all(&self, at: &Location, bytes: Bytes, condition: Condition) -> Result<Written> {
        let mut writer = self.create(at).await?;
        writer.write(bytes).await?;
        writer.commit(condition).await
    }
}

impl<L: DataLake + ?Sized> DataLakeExt for L {}
