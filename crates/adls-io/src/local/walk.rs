//! Listing local directories: a few entries at a time, depth first by name.

use std::ffi::{OsStr, OsString};
use std::io;
use std::vec;

use cap_std::fs::Dir;

use super::errors::io_error;
use super::spot::{Spot, TEMPORARY};
use super::stamp::Version;
use crate::{Entry, EntryKind, Error, ErrorKind, LakePath, ListMode, Location, Result};

const BATCH: usize = 256;

/// A walk in progress. It holds the names of the directories between its start and where it is, nothing else.
pub(super) struct Walk {
    filesystem: String,
    mode: ListMode,
    levels: Vec<Level>,
}

struct Level {
    directory: Dir,
    path: LakePath,
    names: vec::IntoIter<OsString>,
}

impl Walk {
    /// Starts at a directory.
    pub(super) fn start(spot: &Spot, mode: ListMode) -> Result<Self> {
        if spot.existing()?.kind == EntryKind::File {
            return Err(spot.error(ErrorKind::WrongType, "the path is a file"));
        }
        let directory = spot.root.open_dir(spot.path()).map_err(|e| spot.io(e))?;
        let level = Level::read(directory, spot.at.path.clone(), mode).map_err(|e| spot.io(e))?;
        let filesystem = spot.at.filesystem.clone();
        Ok(Self { filesystem, mode, levels: vec![level] })
    }

    /// The next entries; none at the end. What cannot be listed is an error among them, and the walk goes on.
    pub(super) fn next_batch(&mut self) -> Vec<Result<Entry>> {
        let mut batch = Vec::new();
        while batch.len() < BATCH {
            let Some(level) = self.levels.last_mut() else { break };
            match level.names.next() {
                Some(name) => self.visit(&name, &mut batch),
                None => drop(self.levels.pop()),
            }
        }
        batch
    }

    fn visit(&mut self, name: &OsStr, batch: &mut Vec<Result<Entry>>) {
        let Some(level) = self.levels.last() else { return };
        let Some(path) = name.to_str().and_then(|name| level.path.join(name).ok()) else {
            let subject = format!("{}/{}/{}", self.filesystem, level.path, name.to_string_lossy());
            batch.push(Err(unnameable(subject)));
            return;
        };
        let location = Location { filesystem: self.filesystem.clone(), path };
        let failed = |error| io_error("list", &location, error);
        let metadata = match level.directory.symlink_metadata(name) {
            Ok(metadata) => metadata,
            // Gone since the names were read: as if it had never been there.
            Err(e) if e.kind() == io::ErrorKind::NotFound => return,
            Err(e) => return batch.push(Err(failed(e))),
        };
        // Links and devices are no files of a lake. Not following links keeps the walk inside and finite.
        if !metadata.is_file() && !metadata.is_dir() {
            return;
        }
        let version = match Version::of(&metadata) {
            Ok(version) => version,
            Err(e) => return batch.push(Err(failed(e))),
        };
        let is_directory = metadata.is_dir();
        let next = (is_directory && self.mode.is_deep() && !is_temporary(name)).then(|| {
            let directory = level.directory.open_dir(name)?;
            Level::read(directory, location.path.clone(), self.mode)
        });
        if self.mode != ListMode::Unfinished || (is_temporary(name) && !is_directory) {
            batch.push(Ok(Entry {
                kind: if is_directory { EntryKind::Directory } else { EntryKind::File },
                size: if is_directory { 0 } else { version.size },
                etag: version.etag(),
                modified_ms: version.modified_ms(),
                location: location.clone(),
            }));
        }
        match next {
            Some(Ok(level)) => self.levels.push(level),
            Some(Err(e)) if e.kind() == io::ErrorKind::NotFound => {}
            Some(Err(e)) => batch.push(Err(failed(e))),
            None => {}
        }
    }
}

impl Level {
    fn read(directory: Dir, path: LakePath, mode: ListMode) -> io::Result<Self> {
        let mut names = Vec::new();
        for entry in directory.entries()? {
            let name = entry?.file_name();
            if mode == ListMode::Unfinished || !is_temporary(&name) {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(Self { directory, path, names: names.into_iter() })
    }
}

fn is_temporary(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with(TEMPORARY)
}

/// The error of a name that no [`LakePath`] can hold.
fn unnameable(subject: String) -> Error {
    Error {
        kind: ErrorKind::Invalid,
        operation: "list",
        subject,
        message: "the name is not UTF-8 or the path is too long".to_owned(),
        code: None,
        request_id: None,
        source: None,
    }
}
