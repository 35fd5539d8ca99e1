//! Moving local files, also from one device to another.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};

use super::lake::Shared;
use super::spot::{Found, Spot};
use super::stamp::Version;
use super::write::{cannot_link, place};
use crate::condition::{check_destination, check_version};
use crate::{Condition, ETag, ErrorKind, RenameOptions, Result};

/// Moves a file.
pub(super) fn rename(shared: &Shared, from: &Spot, to: &Spot, options: &RenameOptions) -> Result<ETag> {
    let changes = shared.lock_changes();
    let Some(source) = from.look_for_file()? else {
        return already_moved(from, to, options);
    };
    let etag = source.version.etag();
    check_version("rename", &from.at, options.source_if_match.as_ref(), &etag)?;
    let standing = to.look()?;
    if from.at == to.at {
        check_destination("rename", &to.at, &options.destination, Some((source.kind, &etag)))?;
        return Ok(etag);
    }
    if let Some(standing) = &standing {
        if is_half_moved(from, &source, to, standing)? {
            from.remove_file()?;
            drop(changes);
            return settled(from, to);
        }
        let standing_etag = standing.version.etag();
        check_destination("rename", &to.at, &options.destination, Some((standing.kind, &standing_etag)))?;
    } else {
        check_destination("rename", &to.at, &options.destination, None)?;
    }
    to.make_parents()?;
    match move_name(from, to, &options.destination) {
        Ok(()) => drop(changes),
        Err(e) if e.kind() == io::ErrorKind::CrossesDevices => {
            // A copy may take long: others need not wait for it.
            drop(changes);
            copy_across(shared, from, &source, to, &options.destination)?;
        }
        Err(e) => return Err(to.io(e)),
    }
    settled(from, to)
}

/// The source is gone: that is success if the destination is what was to be moved, because then an earlier call
/// did it and its answer was lost.
fn already_moved(from: &Spot, to: &Spot, options: &RenameOptions) -> Result<ETag> {
    if let (Some(wanted), Some(standing)) = (&options.source_if_match, to.look_for_file()?)
        && *wanted == standing.version.etag()
    {
        return settled(from, to);
    }
    Err(from.error(ErrorKind::NotFound, "there is no such file"))
}

/// Whether an earlier call gave the file its new name and died before it took away the old one.
fn is_half_moved(from: &Spot, source: &Found, to: &Spot, standing: &Found) -> Result<bool> {
    if source.is_same_file(standing) {
        return Ok(true);
    }
    // Equal versions alone are no reason to delete a source: it takes equal bytes as well.
    Ok(source.kind == standing.kind
        && source.version == standing.version
        && has_same_bytes(&mut from.open()?, &mut to.open()?).map_err(|e| to.io(e))?)
}

fn move_name(from: &Spot, to: &Spot, condition: &Condition) -> io::Result<()> {
    if *condition == Condition::IfAbsent {
        match from.root.hard_link(from.path(), &to.root, to.path()) {
            Ok(()) => return from.root.remove_file(from.path()),
            Err(e) if cannot_link(&e) => {}
            Err(e) => return Err(e),
        }
    }
    from.root.rename(from.path(), &to.root, to.path())
}

fn copy_across(shared: &Shared, from: &Spot, source: &Found, to: &Spot, condition: &Condition) -> Result<()> {
    let changed = || from.error(ErrorKind::Precondition, "the file changed while it was moved");
    let mut original = from.open()?;
    let (temporary, mut copy) = to.temporary()?;
    io::copy(&mut original, &mut copy).map_err(|e| to.io(e))?;
    // The time is part of the ETag, and the ETag is kept over a move.
    let modified = original.metadata().and_then(|m| m.modified()).map_err(|e| from.io(e))?;
    copy.set_modified(modified).map_err(|e| to.io(e))?;
    copy.sync_all().map_err(|e| to.io(e))?;
    if Version::of_open(&original).map_err(|e| from.io(e))? != source.version {
        return Err(changed());
    }
    if !has_same_bytes(&mut original, &mut copy).map_err(|e| to.io(e))? {
        return Err(to.error(ErrorKind::Io, "the copy differs from its source"));
    }
    let _changes = shared.lock_changes();
    if from.look_for_file()?.is_none_or(|now| now.version != source.version) {
        return Err(changed());
    }
    place("rename", temporary, to, condition)?;
    // Durable at its new place before it leaves the old one.
    to.sync_parent()?;
    from.remove_file()?;
    Ok(())
}

/// Compares two files from their starts, a buffer at a time.
fn has_same_bytes(one: &mut File, other: &mut File) -> io::Result<bool> {
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    one.rewind()?;
    other.rewind()?;
    let mut one = BufReader::with_capacity(1 << 18, one);
    let mut other = BufReader::with_capacity(1 << 18, other);
    let mut left = vec![0; 1 << 16];
    let mut right = vec![0; 1 << 16];
    loop {
        let read = one.read(&mut left)?;
        if read == 0 {
            return Ok(true);
        }
        other.read_exact(&mut right[..read])?;
        if left[..read] != right[..read] {
            return Ok(false);
        }
    }
}

/// The names are durable: first the new one, then the loss of the old one.
fn settled(from: &Spot, to: &Spot) -> Result<ETag> {
    to.sync_parent()?;
    // The directory of the source may be gone by now; then there is nothing to make durable.
    match from.sync_parent() {
        Err(error) if error.kind != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    Ok(to.existing()?.version.etag())
}
