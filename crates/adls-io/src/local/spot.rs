//! A place in a local filesystem: a location and the opened root that no path leaves.

use std::fs::File;
use std::io;
use std::path::Path;

use cap_std::fs::{Dir, Metadata, OpenOptions};

use super::errors::io_error;
use super::stamp::Version;
use crate::{Entry, EntryKind, Error, ErrorKind, LakePath, Location, Result};

/// How the names of unfinished files begin: they are no files of the lake.
pub(super) const TEMPORARY: &str = ".aoai-tmp-";
/// The operation for which they can be named.
pub(super) const DELETE: &str = "delete";

/// A location below an opened root.
#[derive(Debug)]
pub(super) struct Spot {
    pub(super) root: Dir,
    pub(super) at: Location,
    operation: &'static str,
}

/// What stands at a spot.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) kind: EntryKind,
    pub(super) version: Version,
    metadata: Metadata,
}

impl Spot {
    /// The spot of `at` below `root`.
    pub(super) fn new(root: Dir, at: Location, operation: &'static str) -> Result<Self> {
        let spot = Self { root, at, operation };
        // Only to be deleted can an unfinished file be named: by whoever found it in a listing of those.
        let parent = spot.at.path.parent();
        let named = if operation == DELETE { parent.segments() } else { spot.at.path.segments() };
        if named.into_iter().any(|segment| segment.starts_with(TEMPORARY)) {
            let message = format!("names that start with `{TEMPORARY}` are for unfinished files");
            return Err(spot.error(ErrorKind::Invalid, message));
        }
        Ok(spot)
    }

    /// The path for the operating system.
    pub(super) fn path(&self) -> &Path {
        native(&self.at.path)
    }

    /// An error here.
    pub(super) fn error(&self, kind: ErrorKind, message: impl Into<String>) -> Error {
        Error::new(kind, self.operation, &self.at, message)
    }

    /// The error of the operating system, here.
    pub(super) fn io(&self, error: io::Error) -> Error {
        io_error(self.operation, &self.at, error)
    }

    /// What stands here; a path through a file leads nowhere, as in the cloud.
    pub(super) fn look(&self) -> Result<Option<Found>> {
        match self.root.symlink_metadata(self.path()) {
            Ok(metadata) => self.found(metadata).map(Some),
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(e) => Err(self.io(e)),
        }
    }

    /// What stands here; nothing is an error.
    pub(super) fn existing(&self) -> Result<Found> {
        self.look()?.ok_or_else(|| self.error(ErrorKind::NotFound, "there is no such path"))
    }

    /// The file that stands here; nothing is `None`, a directory is an error.
    pub(super) fn look_for_file(&self) -> Result<Option<Found>> {
        match self.look()? {
            Some(found) if found.kind == EntryKind::Directory => {
                Err(self.error(ErrorKind::WrongType, "the path is a directory"))
            }
            found => Ok(found),
        }
    }

    fn found(&self, metadata: Metadata) -> Result<Found> {
        let kind = if metadata.is_file() {
            EntryKind::File
        } else if metadata.is_dir() {
            EntryKind::Directory
        } else if metadata.is_symlink() {
            return Err(self.error(ErrorKind::Invalid, "a symbolic link is no file of a lake"));
        } else {
            return Err(self.error(ErrorKind::Invalid, "the path is neither a file nor a directory"));
        };
        let version = Version::of(&metadata).map_err(|e| self.io(e))?;
        Ok(Found { kind, version, metadata })
    }

    /// Makes the directories above, durably.
    pub(super) fn make_parents(&self) -> Result<()> {
        let parent = self.at.path.parent();
        if parent.is_root() || self.root.open_dir(native(&parent)).is_ok() {
            return Ok(());
        }
        let mut above = LakePath::root();
        for segment in parent.segments() {
            let next = above.join(segment).map_err(|e| self.error(ErrorKind::Invalid, e.to_string()))?;
            match self.root.create_dir(native(&next)) {
                Ok(()) => self.sync_directory(&above)?,
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(self.io(e)),
            }
            above = next;
        }
        Ok(())
    }

    /// Makes the names in the directory that holds this spot durable.
    pub(super) fn sync_parent(&self) -> Result<()> {
        self.sync_directory(&self.at.path.parent())
    }

    fn sync_directory(&self, path: &LakePath) -> Result<()> {
        // Other systems than Unix cannot open a directory to flush it; they keep names durable themselves.
        if cfg!(unix) {
            self.root.open(native(path)).and_then(|d| d.sync_all()).map_err(|e| self.io(e))?;
        }
        Ok(())
    }

    /// Opens the file that stands here for reading.
    pub(super) fn open(&self) -> Result<File> {
        Ok(self.root.open(self.path()).map_err(|e| self.io(e))?.into_std())
    }

    /// Removes the file that stands here; whether there was one.
    pub(super) fn remove_file(&self) -> Result<bool> {
        match self.root.remove_file(self.path()) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(self.io(e)),
        }
    }

    /// An unfinished file in the directory of this spot, so that its final rename never crosses a device.
    pub(super) fn temporary(&self) -> Result<(Temporary, File)> {
        let name = format!("{TEMPORARY}{}", uuid::Uuid::new_v4());
        let path = self.at.path.parent().join(&name);
        let path = path.map_err(|e| self.error(ErrorKind::Invalid, e.to_string()))?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        let file = self.root.open_with(native(&path), &options).map_err(|e| self.io(e))?.into_std();
        let root = self.root.try_clone().map_err(|e| self.io(e))?;
        Ok((Temporary { root, path, finished: false }, file))
    }
}

impl Found {
    /// As a listing tells it.
    pub(super) fn entry(&self, location: Location) -> Entry {
        let is_file = self.kind == EntryKind::File;
        Entry {
            location,
            kind: self.kind,
            size: if is_file { self.version.size } else { 0 },
            etag: self.version.etag(),
            modified_ms: self.version.modified_ms(),
        }
    }

    /// Whether both are names of one file that has at least two.
    #[cfg(unix)]
    pub(super) fn is_same_file(&self, other: &Self) -> bool {
        use cap_std::fs::MetadataExt;
        let key = |m: &Metadata| (m.dev(), m.ino());
        // Two spellings of one name (on a medium that ignores case) are one link: that must not count.
        key(&self.metadata) == key(&other.metadata) && self.metadata.nlink() > 1
    }

    /// Whether both are names of one file: unknown here.
    #[cfg(not(unix))]
    pub(super) fn is_same_file(&self, _other: &Self) -> bool {
        false
    }
}

/// A name that vanishes unless the file gets its final name.
#[derive(Debug)]
pub(super) struct Temporary {
    pub(super) root: Dir,
    path: LakePath,
    finished: bool,
}

impl Temporary {
    /// The path for the operating system.
    pub(super) fn path(&self) -> &Path {
        native(&self.path)
    }

    /// The file is no longer under this name.
    pub(super) fn finish(mut self) {
        self.finished = true;
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.finished {
            // A left-over is harmless: no listing shows it.
            let _ = self.root.remove_file(self.path());
        }
    }
}

/// A path of the lake as one of the operating system, relative to the root.
pub(super) fn native(path: &LakePath) -> &Path {
    Path::new(if path.is_root() { "." } else { path.as_str() })
}
