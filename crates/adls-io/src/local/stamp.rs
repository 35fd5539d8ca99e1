//! Versions of local files, and the modification times that make them unique.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cap_std::fs::Metadata;

use crate::ETag;

/// About a millisecond: the part of a modification time that is replaced by random bits.
const SUBTICK_MASK: u64 = (1 << 20) - 1;

/// What tells one content of a file from another: its modification time and its size.
///
/// The inode is left out on purpose. A move to another device gives a file another inode, and the ETag must survive
/// the move. What the inode would add is made up for when we write: [`Stamps`] gives every file a time of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version {
    modified_ns: u64,
    /// Bytes.
    pub(super) size: u64,
}

impl Version {
    /// The version of what `metadata` describes.
    pub(super) fn of(metadata: &Metadata) -> io::Result<Self> {
        Ok(Self { modified_ns: nanoseconds(metadata.modified()?.into_std()), size: metadata.len() })
    }

    /// The version of an open file.
    pub(super) fn of_open(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self { modified_ns: nanoseconds(metadata.modified()?), size: metadata.len() })
    }

    /// As the users of the lake see it.
    pub(super) fn etag(&self) -> ETag {
        ETag(format!("{:x}-{:x}", self.modified_ns, self.size))
    }

    /// Milliseconds since 1970.
    pub(super) fn modified_ms(&self) -> i64 {
        i64::try_from(self.modified_ns / 1_000_000).unwrap_or(i64::MAX)
    }
}

/// Modification times that no two writes share.
///
/// The kernel stamps files with a clock that ticks every few milliseconds, so two contents of the same size can get
/// the same time. The bits below a millisecond are therefore random (two processes differ), and times of one lake
/// only grow (two writes of one process differ for certain).
#[derive(Debug, Default)]
pub(super) struct Stamps {
    last: AtomicU64,
}

impl Stamps {
    /// Gives a finished file a modification time of its own, at most about a millisecond from the true one.
    pub(super) fn stamp(&self, file: &File) -> io::Result<()> {
        let kernel = nanoseconds(file.metadata()?.modified()?);
        let random = u64::from_le_bytes(*uuid::Uuid::new_v4().as_bytes().first_chunk().unwrap_or(&[0; 8]));
        let stamp = self.next((kernel & !SUBTICK_MASK) | (random & SUBTICK_MASK));
        file.set_modified(UNIX_EPOCH + Duration::from_nanos(stamp))
    }

    fn next(&self, candidate: u64) -> u64 {
        let later = |last: u64| candidate.max(last.saturating_add(1));
        match self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(later(last))) {
            Ok(last) | Err(last) => later(last),
        }
    }
}

/// Times before 1970 or after 2554 are no times of a lake; they count as its ends.
fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_only_grow() {
        let stamps = Stamps::default();
        assert_eq!(stamps.next(10), 10);
        assert_eq!(stamps.next(10), 11);
        assert_eq!(stamps.next(5), 12);
        assert_eq!(stamps.next(100), 100);
    }

    #[test]
    fn a_stamp_stays_near_the_clock_and_differs_each_time() {
        let file = tempfile::tempfile().unwrap();
        let stamps = Stamps::default();
        let before = nanoseconds(file.metadata().unwrap().modified().unwrap());
        stamps.stamp(&file).unwrap();
        let first = Version::of_open(&file).unwrap();
        stamps.stamp(&file).unwrap();
        let second = Version::of_open(&file).unwrap();
        assert_ne!(first, second);
        assert!(first.modified_ns.abs_diff(before) < 3_000_000);
    }
}
