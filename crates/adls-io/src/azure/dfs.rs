//! The calls that writes, renames and deletes are made of: what a client must offer, so that the rules above it are
//! written once, for [`AzureLake`](super::AzureLake) and for `SdkLake`.

use async_trait::async_trait;
use bytes::Bytes;

use super::client::Failure;
use crate::{Condition, Deleted, ETag, Entry, ErrorKind, Location, Result};

/// A client of the DFS operations that repeats what may be repeated.
#[async_trait]
pub(crate) trait Dfs: Send + Sync {
    /// Bytes of one append.
    fn block_bytes(&self) -> usize;

    /// Whether the account of this filesystem says that it has a hierarchical namespace; `None` if it does not say.
    async fn namespace(&self, name: &str) -> Result<Option<bool>>;

    /// Makes a filesystem; one that is there is fine.
    async fn create_filesystem(&self, name: &str) -> Result<()>;

    /// Looks at a path.
    async fn head(&self, operation: &'static str, at: &Location) -> Result<Entry>;

    /// Looks at a path; `None` where there is nothing.
    async fn find(&self, operation: &'static str, at: &Location) -> Result<Option<Entry>> {
        match self.head(operation, at).await {
            Ok(entry) => Ok(Some(entry)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes an empty file under a name that nobody else uses. The condition keeps a late repetition from emptying
    /// what was appended meanwhile; that it is refused then says that the first try got through.
    async fn create_unique(&self, at: &Location) -> Result<()>;

    /// Makes a directory with its parents; one that is there is fine.
    async fn create_directory(&self, at: &Location) -> Result<()>;

    /// Puts bytes at a position; nothing of them is visible before the flush. The same bytes at the same position may
    /// be put again.
    async fn append(&self, at: &Location, position: u64, bytes: Bytes) -> Result<()>;

    /// Makes what was appended the file's content; the version after it. May be repeated at the same position.
    async fn flush(&self, at: &Location, position: u64) -> Result<ETag>;

    /// One rename. A refusal may mean that it had been carried out before: the caller looks.
    async fn move_path(
        &self,
        operation: &'static str,
        from: &Location,
        to: &Location,
        source: Option<&ETag>,
        destination: &Condition,
    ) -> Result<()>;

    /// Deletes a file. With a version, a refusal may mean that an earlier try had got through: the caller looks.
    async fn delete_file(
        &self,
        at: &Location,
        if_match: Option<&ETag>,
    ) -> std::result::Result<Deleted, Failure>;

    /// Deletes a directory with what is below it; large ones take several requests.
    async fn delete_tree(&self, at: &Location) -> Result<Deleted>;
}
