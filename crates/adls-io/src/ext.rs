//! Conveniences on every lake.

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, stream::BoxStream};

use crate::{Condition, DataLake, Entry, Error, ErrorKind, ListMode, Location, ReadOptions, Result, Written};

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

    /// Lists like [`DataLake::list`]; a directory or filesystem that is not there has no entries.
    fn list_if_there(&self, directory: &Location, mode: ListMode) -> BoxStream<'static, Result<Entry>> {
        let is_there =
            |entry: &Result<Entry>| std::future::ready(!entry.as_ref().is_err_and(Error::is_absent));
        self.list(directory, mode).take_while(is_there).boxed()
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
