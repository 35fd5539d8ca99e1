//! The trait and its types.

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::{Location, Result};

/// Bytes read from a lake.
pub type ByteStream = BoxStream<'static, Result<Bytes>>;

/// The version of a file's content. Changes with every write of the content, is kept over a rename.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct ETag(pub String);

/// File or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A file.
    File,
    /// A directory.
    Directory,
}

/// What a listing or a look at one path tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub location: Location,
    /// File or directory.
    pub kind: EntryKind,
    /// Bytes; 0 for a directory.
    pub size: u64,
    /// Version of the content. A directory may have an empty one.
    pub etag: ETag,
    /// Milliseconds since 1970 (UTC), by the lake's clock.
    pub modified_ms: i64,
}

/// How deep a listing goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListMode {
    /// Only what is directly in the directory.
    Shallow,
    /// Everything below it, depth first by name.
    Recursive,
    /// What writers have begun below it and not finished: files under names of their own, which no other listing shows. One that
    /// is old was left behind by a crash, and can be deleted.
    Unfinished,
}

impl ListMode {
    /// Whether it goes below the directory's own entries.
    #[must_use]
    pub fn is_deep(self) -> bool {
        self != Self::Shallow
    }
}

/// What must hold of the destination for a write to take effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Nothing: create or replace.
    Always,
    /// There must be nothing (`If-None-Match: *`).
    IfAbsent,
    /// It must be this version (`If-Match`).
    IfMatch(ETag),
}

/// What to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// First byte.
    pub offset: u64,
    /// How many bytes at most; to the end where `None`.
    pub length: Option<u64>,
    /// Fails with `Precondition` if the file is not this version.
    pub if_match: Option<ETag>,
}

/// An opened file.
pub struct ReadStream {
    /// The file as it is.
    pub entry: Entry,
    /// The bytes asked for. Either ends complete, all of one version, or with an error.
    pub body: ByteStream,
}

impl std::fmt::Debug for ReadStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReadStream").field("entry", &self.entry).finish_non_exhaustive()
    }
}

/// Conditions of a rename.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenameOptions {
    /// The source must be this version.
    pub source_if_match: Option<ETag>,
    /// What must hold of the destination.
    pub destination: Condition,
}

/// What a finished write left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Version of the content.
    pub etag: ETag,
    /// Bytes.
    pub size: u64,
}

/// Whether a delete found something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// It was there and is gone now.
    Deleted,
    /// There was nothing.
    Absent,
}

/// A data lake: filesystems that hold directories and files.
///
/// # Guarantees
/// * A file appears under its name complete and durable, or not at all: a writer writes elsewhere and renames.
/// * A rename is atomic, also between filesystems of one account.
/// * What was answered `Ok` survives a crash of this process and of the machine, where the medium keeps it.
/// * No path leaves its filesystem.
///
/// # Errors
/// See [`ErrorKind`](crate::ErrorKind): every backend maps to the same kinds; the conformance suite checks it.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait DataLake: Send + Sync {
    /// Lists a directory, page by page. A directory that is not there is `NotFound`. The directory itself is not listed.
    fn list(&self, directory: &Location, mode: ListMode) -> BoxStream<'static, Result<Entry>>;

    /// Looks at one path.
    async fn head(&self, at: &Location) -> Result<Entry>;

    /// Opens a file. A directory is `WrongType`.
    async fn read(&self, at: &Location, options: ReadOptions) -> Result<ReadStream>;

    /// Starts to write a file; missing parent directories are created. Nothing is visible under the name before
    /// [`LakeWriter::commit`].
    async fn create(&self, at: &Location) -> Result<Box<dyn LakeWriter>>;

    /// Moves a file, also to another filesystem of this lake; the ETag is kept, missing parents are created.
    /// If the source is gone and the destination has the version `source_if_match`, the rename is taken as done.
    async fn rename(&self, from: &Location, to: &Location, options: RenameOptions) -> Result<ETag>;

    /// Deletes a file (`if_match`: only this version). Absent is not an error.
    async fn delete(&self, at: &Location, if_match: Option<ETag>) -> Result<Deleted>;

    /// Deletes a directory and everything below it. Absent is not an error.
    async fn delete_directory(&self, at: &Location) -> Result<Deleted>;

    /// Makes sure that a filesystem exists.
    async fn ensure_filesystem(&self, name: &str) -> Result<()>;
}

/// A file that is being written. Dropping it without [`commit`](Self::commit) leaves nothing under its name.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait LakeWriter: Send {
    /// Adds bytes.
    async fn write(&mut self, bytes: Bytes) -> Result<()>;

    /// Makes the file durable and visible under its name, if `condition` holds.
    async fn commit(self: Box<Self>, condition: Condition) -> Result<Written>;
}
