//! The lake in memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::{self, BoxStream};

use super::state::State;
use crate::condition::{check_version, range};
use crate::{
    Condition, DataLake, Deleted, ETag, Entry, EntryKind, Error, ErrorKind, LakeWriter, ListMode, Location,
    ReadOptions, ReadStream, RenameOptions, Result, Written,
};

const CHUNK: usize = 256 * 1024;
const PAGE: usize = 256;

/// A lake in memory, for tests. Clones share their content.
///
/// It keeps the same rules as every lake. Its clock stands still until [`set_now_ms`](Self::set_now_ms) moves it.
#[derive(Debug, Clone, Default)]
pub struct MemoryLake {
    state: Arc<Mutex<State>>,
}

impl MemoryLake {
    /// A lake without filesystems.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A lake with these filesystems, all empty.
    pub fn with_filesystems<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let lake = Self::new();
        names.into_iter().for_each(|name| lake.lock().ensure_filesystem(name));
        lake
    }

    /// Puts a file, replacing what is there; the filesystem is made if need be.
    ///
    /// # Errors
    /// `WrongType` where a directory stands, or a file where a directory is needed.
    pub fn put(&self, at: &Location, bytes: impl Into<Bytes>) -> Result<ETag> {
        let mut state = self.lock();
        state.ensure_filesystem(&at.filesystem);
        state.put(at, bytes.into(), &Condition::Always)
    }

    /// The bytes of a file, if there is one.
    #[must_use]
    pub fn bytes(&self, at: &Location) -> Option<Bytes> {
        Some(self.lock().find_file("read", at).ok()??.1)
    }

    /// Every file, ordered by filesystem and name.
    #[must_use]
    pub fn paths(&self) -> Vec<Location> {
        self.lock().paths()
    }

    /// Sets the clock: what is written from now on was modified at this time.
    pub fn set_now_ms(&self, now_ms: i64) {
        self.lock().now_ms = now_ms;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves a whole state: every change is one insertion or removal after all checks.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl DataLake for MemoryLake {
    fn list(&self, directory: &Location, mode: ListMode) -> BoxStream<'static, Result<Entry>> {
        if mode == ListMode::Unfinished {
            // What is written is in its writer, and goes with it.
            return stream::empty().boxed();
        }
        let (lake, directory) = (self.clone(), directory.clone());
        let start = Some((None, lake, directory));
        let pages = stream::unfold(start, move |state| async move {
            let (last, lake, directory) = state?;
            let page = match &last {
                None => lake.head(&directory).await.and_then(|entry| match entry.kind {
                    EntryKind::Directory => lake.lock().page(&directory, mode.is_deep(), None, PAGE),
                    EntryKind::File => {
                        Err(Error::new(ErrorKind::WrongType, "list", &directory, "the path is a file"))
                    }
                }),
                last => lake.lock().page(&directory, mode.is_deep(), last.as_ref(), PAGE),
            };
            let next =
                page.as_ref().ok().and_then(|page| page.last()).map(|entry| entry.location.path.clone());
            let items: Vec<_> = match page {
                Ok(page) => page.into_iter().map(Ok).collect(),
                Err(mut error) => {
                    error.operation = "list";
                    vec![Err(error)]
                }
            };
            Some((stream::iter(items), next.map(|last| (Some(last), lake, directory))))
        });
        pages.flatten().boxed()
    }

    async fn head(&self, at: &Location) -> Result<Entry> {
        let found = self.lock().find("head", at)?;
        found.map(|(entry, _)| entry).ok_or_else(|| absent("head", at))
    }

    async fn read(&self, at: &Location, options: ReadOptions) -> Result<ReadStream> {
        let found = self.lock().find_file("read", at)?;
        let (entry, bytes) = found.ok_or_else(|| absent("read", at))?;
        check_version("read", at, options.if_match.as_ref(), &entry.etag)?;
        let (offset, length) = range(at, &options, entry.size)?;
        // Both lie within the length of a slice.
        let (start, end) = (offset as usize, (offset + length) as usize);
        let body = stream::unfold(bytes.slice(start..end), |mut rest| async move {
            (!rest.is_empty()).then(|| (Ok(rest.split_to(rest.len().min(CHUNK))), rest))
        });
        Ok(ReadStream { entry, body: body.boxed() })
    }

    async fn create(&self, at: &Location) -> Result<Box<dyn LakeWriter>> {
        self.lock().find_file("write", at)?;
        Ok(Box::new(MemoryWriter { state: Arc::clone(&self.state), at: at.clone(), bytes: BytesMut::new() }))
    }

    async fn rename(&self, from: &Location, to: &Location, options: RenameOptions) -> Result<ETag> {
        self.lock().rename(from, to, &options)
    }

    async fn delete(&self, at: &Location, if_match: Option<ETag>) -> Result<Deleted> {
        self.lock().delete(at, if_match.as_ref())
    }

    async fn delete_directory(&self, at: &Location) -> Result<Deleted> {
        self.lock().delete_directory(at)
    }

    async fn ensure_filesystem(&self, name: &str) -> Result<()> {
        self.lock().ensure_filesystem(name);
        Ok(())
    }
}

struct MemoryWriter {
    state: Arc<Mutex<State>>,
    at: Location,
    bytes: BytesMut,
}

#[async_trait]
impl LakeWriter for MemoryWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }

    async fn commit(self: Box<Self>, condition: Condition) -> Result<Written> {
        let size = self.bytes.len() as u64;
        let lake = MemoryLake { state: self.state };
        let etag = lake.lock().put(&self.at, self.bytes.freeze(), &condition)?;
        Ok(Written { etag, size })
    }
}

fn absent(operation: &'static str, at: &Location) -> Error {
    Error::new(ErrorKind::NotFound, operation, at, "there is no such path")
}
