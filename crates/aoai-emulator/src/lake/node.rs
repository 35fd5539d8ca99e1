//! One path: a directory or a file.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{content::Content, lease::Lease, refusal::LakeError};
use crate::clock::{Stamp, wall_now};

/// What stands at a path.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Without quotes.
    pub(super) etag: String,
    pub(super) modified: Stamp,
    pub(super) created: Stamp,
    pub(super) kind: Kind,
    pub(super) lease: Lease,
    /// `x-ms-meta-*`, decoded.
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) content_type: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Directory,
    File(FileBytes),
}

/// A file's bytes: the committed ones, and what was appended behind them.
#[derive(Debug, Clone)]
pub(super) struct FileBytes {
    pub(super) content: Arc<Content>,
    pub(super) length: u64,
    /// Start and end of what was appended since the last flush.
    pending: Vec<(u64, u64)>,
}

impl FileBytes {
    pub(super) fn new(content: Arc<Content>) -> Self {
        Self { content, length: 0, pending: Vec::new() }
    }

    /// Of known length: written from inside.
    pub(super) fn whole(content: Arc<Content>, length: u64) -> Self {
        Self { content, length, pending: Vec::new() }
    }

    pub(super) fn appended(&mut self, start: u64, end: u64) {
        if end > start {
            self.pending.push((start, end));
        }
    }

    /// Makes everything before `position` the content; there must be no gap, and nothing may be cut off.
    pub(super) fn flush(&mut self, position: u64, retain: bool) -> Result<(), LakeError> {
        let mut end = self.length;
        self.pending.sort_unstable();
        for (start, stop) in &self.pending {
            if *start <= end {
                end = end.max(*stop);
            }
        }
        if position < self.length || position > end {
            return Err(LakeError::bad(
                "InvalidFlushPosition",
                "The uploaded data is not contiguous or the position query parameter value is not equal to the length of the \
                 file after appending the uploaded data.",
            ));
        }
        self.length = position;
        if retain {
            self.pending.retain(|(_, stop)| *stop > position);
        } else {
            self.pending.clear();
        }
        Ok(())
    }
}

impl Node {
    pub(super) fn new(kind: Kind) -> Self {
        let now = wall_now();
        Self {
            etag: next_etag(),
            modified: now,
            created: now,
            kind,
            lease: Lease::default(),
            metadata: BTreeMap::new(),
            content_type: None,
        }
    }

    /// A new version.
    pub(super) fn touch(&mut self) {
        self.etag = next_etag();
        self.modified = wall_now();
    }

    pub(super) fn is_directory(&self) -> bool {
        matches!(self.kind, Kind::Directory)
    }

    pub(super) fn length(&self) -> u64 {
        match &self.kind {
            Kind::Directory => 0,
            Kind::File(file) => file.length,
        }
    }

    pub(super) fn file(&self) -> Option<&FileBytes> {
        match &self.kind {
            Kind::Directory => None,
            Kind::File(file) => Some(file),
        }
    }

    pub(super) fn file_mut(&mut self) -> Option<&mut FileBytes> {
        match &mut self.kind {
            Kind::Directory => None,
            Kind::File(file) => Some(file),
        }
    }
}

/// Unique in the process, and of the service's look.
fn next_etag() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0x00DE_C000_0000_0001);
    format!("0x8{:015X}", NEXT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn file() -> (tempfile::TempDir, FileBytes) {
        let dir = tempfile::tempdir().unwrap();
        let content = Content::create(dir.path()).await.unwrap();
        (dir, FileBytes::new(content))
    }

    #[tokio::test]
    async fn a_flush_wants_every_byte_before_its_position() {
        let (_dir, mut file) = file().await;
        file.appended(0, 4);
        file.appended(8, 12);
        assert!(file.flush(12, false).is_err(), "a gap");
        file.appended(4, 8);
        assert!(file.flush(13, false).is_err(), "more than there is");
        file.flush(12, false).unwrap();
        assert_eq!(file.length, 12);
        file.flush(12, false).unwrap();
        assert!(file.flush(8, false).is_err(), "a flush does not cut off");
    }

    #[tokio::test]
    async fn what_is_not_flushed_is_kept_only_on_demand() {
        let (_dir, mut file) = file().await;
        file.appended(0, 4);
        file.appended(4, 8);
        file.flush(4, true).unwrap();
        file.flush(8, false).unwrap();
        file.appended(8, 12);
        file.flush(8, false).unwrap();
        assert!(file.flush(12, false).is_err());
    }

    #[test]
    fn versions_are_unique() {
        assert_ne!(next_etag(), next_etag());
    }
}
