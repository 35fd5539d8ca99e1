//! Writing: blocks into a file under a temporary name, which is renamed when it is complete.

use std::{collections::VecDeque, sync::Arc};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use tokio::task::JoinHandle;

use super::{client::Failure, dfs::Dfs, rename::move_file};
use crate::{
    Condition, EntryKind, Error, ErrorKind, LakePath, LakeWriter, Location, Result, Written,
    condition::check_destination,
};

/// Files that are being written; listings do not show them.
const TEMPORARY: &str = ".aoai-tmp-";

/// Whether a path is one that a writer uses until its commit.
pub(crate) fn is_temporary(path: &LakePath) -> bool {
    path.file_name().starts_with(TEMPORARY)
}

/// Starts to write. The temporary file lies beside the target: rights on a directory are enough, and the parents are
/// made with it.
pub(crate) async fn create(client: Arc<dyn Dfs>, at: &Location) -> Result<AzureWriter> {
    if at.path.is_root() {
        return Err(Error::new(ErrorKind::WrongType, "write", at, "the path is a directory"));
    }
    let temporary = temporary_beside(at)?;
    if let Err(error) = client.create_unique(&temporary).await {
        let error = Error { subject: at.to_string(), ..error };
        return Err(match error.kind {
            ErrorKind::WrongType | ErrorKind::AlreadyExists | ErrorKind::NotFound => {
                explain_create(client.as_ref(), at, error).await
            }
            _ => error,
        });
    }
    Ok(AzureWriter {
        buffer: BytesMut::new(),
        at: at.clone(),
        temporary: Some(temporary),
        position: 0,
        on_the_way: VecDeque::new(),
        spare: None,
        broken: false,
        client,
    })
}

fn temporary_beside(at: &Location) -> Result<Location> {
    let name = format!("{TEMPORARY}{}", uuid::Uuid::new_v4());
    // Where the directory's own path leaves no room for the longer name, the root of the filesystem has it.
    let path = at.path.parent().join(&name).or_else(|_| LakePath::parse(&name));
    let path = path.map_err(|error| Error::new(ErrorKind::Invalid, "write", at, error.to_string()))?;
    Ok(Location::new(at.filesystem.clone(), path))
}

/// Blocks that travel at once. The service takes appends in any order; with two, neither side waits for the other, and
/// a third gains nothing (measured beside `curl`).
const ON_THE_WAY: usize = 2;

/// A block on its way, and a hold on its memory.
struct Travelling {
    request: JoinHandle<Result<()>>,
    block: Bytes,
}

pub(crate) struct AzureWriter {
    client: Arc<dyn Dfs>,
    at: Location,
    /// None once it is renamed.
    temporary: Option<Location>,
    buffer: BytesMut,
    /// Where the buffer begins in the file.
    position: u64,
    /// The blocks before the buffer, oldest first: they travel while the next one fills.
    on_the_way: VecDeque<Travelling>,
    /// The memory of a block that has arrived: three blocks are all that a writer ever allocates.
    spare: Option<BytesMut>,
    /// A block was lost, so that a commit would leave a gap.
    broken: bool,
}

#[async_trait]
impl LakeWriter for AzureWriter {
    async fn write(&mut self, mut bytes: Bytes) -> Result<()> {
        self.check()?;
        let block = self.client.block_bytes().max(1);
        // Unless all that is below succeeds. A future that is dropped in between leaves it so.
        self.broken = true;
        while !bytes.is_empty() {
            let part = bytes.split_to(bytes.len().min(block - self.buffer.len()));
            self.buffer.extend_from_slice(&part);
            if self.buffer.len() == block {
                self.send().await?;
            }
        }
        self.broken = false;
        Ok(())
    }

    async fn commit(mut self: Box<Self>, condition: Condition) -> Result<Written> {
        self.check()?;
        if !self.buffer.is_empty() {
            self.send().await?;
        }
        while !self.on_the_way.is_empty() {
            self.arrived().await?;
        }
        let Some(temporary) = self.temporary.clone() else {
            return Err(Error::new(ErrorKind::Io, "write", &self.at, "it is committed already"));
        };
        let etag = self.client.flush(&temporary, self.position).await.map_err(|e| self.named(e))?;
        move_file(self.client.as_ref(), "write", &temporary, &self.at, &etag, &condition)
            .await
            .map_err(|error| self.named(error))?;
        self.temporary = None;
        Ok(Written { etag, size: self.position })
    }
}

impl AzureWriter {
    fn check(&self) -> Result<()> {
        if self.broken {
            let message = "an earlier write failed or was given up";
            return Err(Error::new(ErrorKind::Io, "write", &self.at, message));
        }
        Ok(())
    }

    /// Sends the buffer on its way, as soon as there is room on it.
    async fn send(&mut self) -> Result<()> {
        while self.on_the_way.len() >= ON_THE_WAY {
            self.arrived().await?;
        }
        let Some(temporary) = self.temporary.clone() else { return Ok(()) };
        let next = self.spare.take().unwrap_or_default();
        let block = std::mem::replace(&mut self.buffer, next).freeze();
        let (client, position, sent) = (self.client.clone(), self.position, block.clone());
        self.position += block.len() as u64;
        let request = tokio::spawn(async move { client.append(&temporary, position, sent).await });
        self.on_the_way.push_back(Travelling { request, block });
        Ok(())
    }

    /// Waits for the oldest block on its way.
    async fn arrived(&mut self) -> Result<()> {
        let Some(Travelling { request, block }) = self.on_the_way.pop_front() else { return Ok(()) };
        let result = match request.await {
            Ok(result) => result,
            Err(error) => Err(Error::new(ErrorKind::Io, "write", &self.at, error.to_string())),
        };
        // Unless somebody still holds it, as the HTTP client may for a moment: then the next block gets its own.
        self.spare = block.try_into_mut().ok().map(|mut memory| {
            memory.clear();
            memory
        });
        result.map_err(|error| {
            self.broken = true;
            self.named(error)
        })
    }

    /// Errors name what the user meant, not the temporary name.
    fn named(&self, error: Error) -> Error {
        Error { subject: self.at.to_string(), ..error }
    }
}

impl Drop for AzureWriter {
    fn drop(&mut self) {
        for Travelling { request, .. } in self.on_the_way.drain(..) {
            request.abort();
        }
        let Some(temporary) = self.temporary.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let client = self.client.clone();
        runtime.spawn(async move {
            if let Err(Failure { error, .. }) = client.delete_file(&temporary, None).await {
                tracing::warn!(%error, "a temporary file is left in the lake");
            }
        });
    }
}

/// Whether a refused start means that a directory or a file stands in the way.
async fn explain_create(client: &dyn Dfs, at: &Location, error: Error) -> Error {
    let (standing, parent) = match (
        client.find("write", at).await,
        client.find("write", &Location::new(at.filesystem.clone(), at.path.parent())).await,
    ) {
        (Ok(standing), Ok(parent)) => (standing, parent),
        _ => return error,
    };
    if parent.is_some_and(|entry| entry.kind == EntryKind::File) {
        return Error { kind: ErrorKind::WrongType, message: "its parent is a file".to_owned(), ..error };
    }
    let standing = standing.as_ref().map(|entry| (entry.kind, &entry.etag));
    check_destination("write", at, &Condition::Always, standing).err().unwrap_or(error)
}
