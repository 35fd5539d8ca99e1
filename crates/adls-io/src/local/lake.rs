//! The lake of local directories: every call runs its blocking work on the blocking pool.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use futures::StreamExt;
use futures::stream::{self, BoxStream};

use super::errors::io_error;
use super::spot::{DELETE, Spot};
use super::stamp::Stamps;
use super::walk::Walk;
use super::{read, rename, write};
use crate::condition::check_version;
use crate::{
    DataLake, Deleted, ETag, Entry, EntryKind, Error, ErrorKind, LakePath, LakeWriter, ListMode, Location,
    ReadOptions, ReadStream, RenameOptions, Result,
};

/// A lake whose filesystems are local directories.
///
/// # Guarantees
/// * No path leaves its directory, neither through `..` nor through symbolic links (`cap-std` sees to it). A link is
///   no file of the lake: listings skip it, other calls refuse it.
/// * `IfAbsent` is atomic, also against other processes, where the medium knows hard links.
/// * `IfMatch` is atomic among the users of one lake and its clones. No operating system offers a rename that
///   depends on the version of its destination, so another process can slip in between the look and the rename.
/// * The ETag is made of modification time and size, so it survives renames, also to another device. Files written
///   here have a modification time of their own. A file that another program changes in place, keeping its size,
///   within one tick of the kernel's clock (some milliseconds) keeps its ETag.
/// * A rename to another device copies, compares and only then deletes. On a medium that keeps coarser times the
///   ETag changes; the new one is returned.
///
/// # Assumptions
/// The directories of two filesystems do not overlap. Flushing a file or a directory makes it durable.
#[derive(Debug, Clone)]
pub struct LocalLake {
    shared: Arc<Shared>,
}

/// What the users of one lake share.
#[derive(Debug)]
pub(super) struct Shared {
    roots: BTreeMap<String, PathBuf>,
    changes: Mutex<()>,
    pub(super) stamps: Stamps,
}

impl LocalLake {
    /// A lake of these filesystems: their names and directories. [`DataLake::ensure_filesystem`] makes a missing one.
    pub fn new<N, P>(filesystems: impl IntoIterator<Item = (N, P)>) -> Self
    where
        N: Into<String>,
        P: Into<PathBuf>,
    {
        let roots = filesystems.into_iter().map(|(name, root)| (name.into(), root.into())).collect();
        Self { shared: Arc::new(Shared { roots, changes: Mutex::default(), stamps: Stamps::default() }) }
    }

    async fn run<T: Send + 'static>(
        &self,
        operation: &'static str,
        at: &Location,
        work: impl FnOnce(Arc<Shared>, Spot) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let shared = Arc::clone(&self.shared);
        let location = at.clone();
        blocking(operation, at, move || {
            let spot = shared.spot(operation, location)?;
            work(shared, spot)
        })
        .await
    }
}

impl Shared {
    /// Opens the root of a location. It is opened for each call, so that it may be replaced in the meantime.
    fn spot(&self, operation: &'static str, at: Location) -> Result<Spot> {
        let Some(root) = self.roots.get(&at.filesystem) else {
            return Err(Error::new(ErrorKind::NoFilesystem, operation, &at, "there is no such filesystem"));
        };
        match Dir::open_ambient_dir(root, ambient_authority()) {
            Ok(root) => Spot::new(root, at, operation),
            // A share that is not mounted, for instance: what is in it is not gone.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                let message = format!("its directory {} is not there", root.display());
                Err(Error::new(ErrorKind::NoFilesystem, operation, &at, message).with_source(e))
            }
            Err(e) => Err(io_error(operation, &at, e)),
        }
    }

    /// Held from the look at a name to its change, never while bytes are copied.
    pub(super) fn lock_changes(&self) -> MutexGuard<'_, ()> {
        // It guards no data, so a panic while it was held broke nothing.
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs blocking work on the blocking pool.
pub(super) async fn blocking<T: Send + 'static>(
    operation: &'static str,
    at: &Location,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(error) => {
            let message = "the runtime is shutting down";
            Err(Error::new(ErrorKind::Unavailable, operation, at, message).with_source(error))
        }
    }
}

#[async_trait]
impl DataLake for LocalLake {
    fn list(&self, directory: &Location, mode: ListMode) -> BoxStream<'static, Result<Entry>> {
        let (lake, at) = (self.clone(), directory.clone());
        let walk =
            async move { lake.run("list", &at.clone(), move |_, spot| Walk::start(&spot, mode)).await };
        let at = directory.clone();
        stream::once(walk)
            .flat_map(move |started| match started {
                Ok(walk) => walked(walk, at.clone()),
                Err(error) => stream::iter([Err(error)]).boxed(),
            })
            .boxed()
    }

    async fn head(&self, at: &Location) -> Result<Entry> {
        self.run("head", at, |_, spot| Ok(spot.existing()?.entry(spot.at.clone()))).await
    }

    async fn read(&self, at: &Location, options: ReadOptions) -> Result<ReadStream> {
        self.run("read", at, move |_, spot| read::open(spot, &options)).await
    }

    async fn create(&self, at: &Location) -> Result<Box<dyn LakeWriter>> {
        let writer = self.run("write", at, write::create).await?;
        Ok(Box::new(writer))
    }

    async fn rename(&self, from: &Location, to: &Location, options: RenameOptions) -> Result<ETag> {
        let to = to.clone();
        self.run("rename", from, move |shared, from| {
            let to = shared.spot("rename", to)?;
            rename::rename(&shared, &from, &to, &options)
        })
        .await
    }

    async fn delete(&self, at: &Location, if_match: Option<ETag>) -> Result<Deleted> {
        self.run(DELETE, at, move |shared, spot| {
            let changes = shared.lock_changes();
            let Some(found) = spot.look_for_file()? else { return Ok(Deleted::Absent) };
            check_version(DELETE, &spot.at, if_match.as_ref(), &found.version.etag())?;
            let removed = spot.remove_file()?;
            drop(changes);
            spot.sync_parent()?;
            Ok(if removed { Deleted::Deleted } else { Deleted::Absent })
        })
        .await
    }

    async fn delete_directory(&self, at: &Location) -> Result<Deleted> {
        self.run("delete directory", at, move |_, spot| {
            if spot.at.path.is_root() {
                return Err(spot.error(ErrorKind::Invalid, "the root of a filesystem is not deleted"));
            }
            match spot.look()? {
                None => return Ok(Deleted::Absent),
                Some(found) if found.kind == EntryKind::File => {
                    return Err(spot.error(ErrorKind::WrongType, "the path is a file"));
                }
                Some(_) => {}
            }
            spot.root.remove_dir_all(spot.path()).map_err(|e| spot.io(e))?;
            spot.sync_parent()?;
            Ok(Deleted::Deleted)
        })
        .await
    }

    async fn ensure_filesystem(&self, name: &str) -> Result<()> {
        let at = Location::new(name, LakePath::root());
        let Some(root) = self.shared.roots.get(name).cloned() else {
            let message = "no directory is configured for this filesystem";
            return Err(Error::new(ErrorKind::Invalid, "create filesystem", &at, message));
        };
        blocking("create filesystem", &at.clone(), move || {
            fs::create_dir_all(&root).map_err(|e| io_error("create filesystem", &at, e))
        })
        .await
    }
}

fn walked(walk: Walk, at: Location) -> BoxStream<'static, Result<Entry>> {
    // Batches keep the trips to the blocking pool few; nothing is read before it is asked for.
    let state = (Some(walk), VecDeque::new(), at);
    stream::unfold(state, |(mut walk, mut ready, at)| async move {
        if ready.is_empty()
            && let Some(mut at_work) = walk.take()
        {
            let batch = blocking("list", &at, move || {
                let batch = at_work.next_batch();
                Ok((at_work, batch))
            });
            match batch.await {
                Ok((_, batch)) if batch.is_empty() => {}
                Ok((rest, batch)) => (walk, ready) = (Some(rest), batch.into()),
                Err(error) => ready.push_back(Err(error)),
            }
        }
        let next = ready.pop_front()?;
        Some((next, (walk, ready, at)))
    })
    .boxed()
}
