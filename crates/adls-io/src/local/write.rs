//! Writing local files: into a temporary file first, under their name when they are complete and durable.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::errors::io_error;
use super::lake::{Shared, blocking};
use super::spot::{Spot, Temporary};
use super::stamp::Version;
use crate::condition::check_destination;
use crate::{Condition, Error, ErrorKind, LakeWriter, Location, Result, Written};

const CHUNK: usize = 512 * 1024;

/// Starts to write; the directories above are made now, because the temporary file lies in them.
pub(super) fn create(shared: Arc<Shared>, spot: Spot) -> Result<LocalWriter> {
    if spot.at.path.is_root() {
        return Err(spot.error(ErrorKind::WrongType, "the path is a directory"));
    }
    spot.look_for_file()?;
    spot.make_parents()?;
    let (temporary, file) = spot.temporary()?;
    let sink = Sink { file, pending: Vec::new() };
    Ok(LocalWriter { shared, at: spot.at.clone(), spot, temporary, sink: Some(sink) })
}

pub(super) struct LocalWriter {
    shared: Arc<Shared>,
    at: Location,
    spot: Spot,
    temporary: Temporary,
    /// Away while bytes are written; stays away if that failed or was cancelled, so that no gap can be committed.
    sink: Option<Sink>,
}

struct Sink {
    file: File,
    pending: Vec<u8>,
}

#[async_trait]
impl LakeWriter for LocalWriter {
    async fn write(&mut self, mut bytes: Bytes) -> Result<()> {
        let mut sink = self.take()?;
        while !bytes.is_empty() {
            let part = bytes.split_to(bytes.len().min(CHUNK - sink.pending.len()));
            sink.pending.extend_from_slice(&part);
            if sink.pending.len() == CHUNK {
                let at = self.at.clone();
                sink = blocking("write", &self.at, move || {
                    sink.flush().map_err(|e| io_error("write", &at, e))?;
                    Ok(sink)
                })
                .await?;
            }
        }
        self.sink = Some(sink);
        Ok(())
    }

    async fn commit(mut self: Box<Self>, condition: Condition) -> Result<Written> {
        let sink = self.take()?;
        let at = self.at.clone();
        blocking("write", &at, move || self.finish(sink, &condition)).await
    }
}

impl LocalWriter {
    fn take(&mut self) -> Result<Sink> {
        let lost = || Error::new(ErrorKind::Io, "write", &self.at, "an earlier write failed or was given up");
        self.sink.take().ok_or_else(lost)
    }

    fn finish(self, mut sink: Sink, condition: &Condition) -> Result<Written> {
        let spot = self.spot;
        sink.flush().map_err(|e| spot.io(e))?;
        self.shared.stamps.stamp(&sink.file).map_err(|e| spot.io(e))?;
        sink.file.sync_all().map_err(|e| spot.io(e))?;
        let version = Version::of_open(&sink.file).map_err(|e| spot.io(e))?;
        {
            let _changes = self.shared.lock_changes();
            place("write", self.temporary, &spot, condition)?;
        }
        spot.sync_parent()?;
        Ok(Written { etag: version.etag(), size: version.size })
    }
}

impl Sink {
    fn flush(&mut self) -> io::Result<()> {
        self.file.write_all(&self.pending)?;
        self.pending.clear();
        Ok(())
    }
}

/// Gives an unfinished file its name, if the condition holds. The caller holds the lock on changes.
pub(super) fn place(
    operation: &'static str,
    from: Temporary,
    to: &Spot,
    condition: &Condition,
) -> Result<()> {
    let standing = to.look()?;
    let etag = standing.as_ref().map(|found| found.version.etag());
    let standing = standing.as_ref().zip(etag.as_ref()).map(|(found, etag)| (found.kind, etag));
    check_destination(operation, &to.at, condition, standing)?;
    if *condition == Condition::IfAbsent {
        match from.root.hard_link(from.path(), &to.root, to.path()) {
            // The temporary name goes when `from` is dropped.
            Ok(()) => return Ok(()),
            Err(e) if cannot_link(&e) => {}
            Err(e) => return Err(to.io(e)),
        }
    }
    from.root.rename(from.path(), &to.root, to.path()).map_err(|e| to.io(e))?;
    from.finish();
    Ok(())
}

/// Whether the medium or its rules refuse a second name for a file: some know no links, and Linux refuses links to
/// files of other users (`protected_hardlinks`). Absence was checked under the lock, so a plain rename is then as
/// good as it gets.
pub(super) fn cannot_link(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported)
}
