//! A filesystem: a tree of nodes, in memory.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    Body, LakeError,
    address::{self, BEHIND, SEPARATOR},
    lease::{Lease, LeaseState},
    ranges::Ranges,
};
use crate::clock::Stamp;

/// A tag that nothing else in this process has, without quotes.
pub(super) fn new_etag() -> String {
    static LAST: AtomicU64 = AtomicU64::new(0xC_0000_0000_0000);
    format!("0x8D{:013X}", LAST.fetch_add(1, Ordering::Relaxed))
}

/// A file or a directory.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) etag: String,
    pub(super) modified: Stamp,
    pub(super) created: Stamp,
    /// What users attach, decoded.
    pub(super) properties: BTreeMap<String, String>,
    /// `content-type` and the like, by the name of the header that tells it.
    pub(super) content: BTreeMap<&'static str, String>,
    pub(super) permissions: String,
    pub(super) lease: Option<Lease>,
    /// None = a directory.
    pub(super) file: Option<FileData>,
}

/// What only files have.
#[derive(Debug, Clone)]
pub(super) struct FileData {
    pub(super) body: Arc<Body>,
    /// How many bytes readers see.
    pub(super) committed: u64,
    /// What was appended since the last flush.
    pub(super) pending: Ranges,
}

impl Node {
    pub(super) fn directory(now: Stamp) -> Self {
        Self {
            etag: new_etag(),
            modified: now,
            created: now,
            properties: BTreeMap::new(),
            content: BTreeMap::new(),
            permissions: "rwxr-x---".to_owned(),
            lease: None,
            file: None,
        }
    }

    pub(super) fn file(body: Arc<Body>, committed: u64, now: Stamp) -> Self {
        let file = Some(FileData { body, committed, pending: Ranges::default() });
        Self { permissions: "rw-r-----".to_owned(), file, ..Self::directory(now) }
    }

    pub(super) fn is_directory(&self) -> bool {
        self.file.is_none()
    }

    pub(super) fn length(&self) -> u64 {
        self.file.as_ref().map_or(0, |file| file.committed)
    }

    pub(super) fn touch(&mut self, now: Stamp) {
        self.etag = new_etag();
        self.modified = now;
    }
}

/// One filesystem.
#[derive(Debug)]
pub(super) struct Filesystem {
    /// The filesystem itself: its root directory, its tag, its lease.
    pub(super) root: Node,
    nodes: BTreeMap<String, Node>,
}

impl Filesystem {
    pub(super) fn new(now: Stamp) -> Self {
        Self { root: Node::directory(now), nodes: BTreeMap::new() }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        if key.is_empty() { Some(&self.root) } else { self.nodes.get(key) }
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        if key.is_empty() { Some(&mut self.root) } else { self.nodes.get_mut(key) }
    }

    /// Everything below a directory, but not itself, in order, from `start` on.
    pub(super) fn below<'a>(
        &'a self,
        directory: &str,
        start: Bound<&str>,
    ) -> impl Iterator<Item = (&'a str, &'a Node)> + use<'a> {
        let first = if directory.is_empty() { String::new() } else { format!("{directory}{SEPARATOR}") };
        let start = match start {
            Bound::Unbounded => Bound::Included(first.clone()),
            Bound::Included(key) => Bound::Included(key.max(&first).to_owned()),
            Bound::Excluded(key) if key < first.as_str() => Bound::Included(first.clone()),
            Bound::Excluded(key) => Bound::Excluded(key.to_owned()),
        };
        let all = self.nodes.range((start, Bound::Unbounded));
        all.take_while(move |(key, _)| key.starts_with(&first)).map(|(key, node)| (key.as_str(), node))
    }

    /// The next direct child of a directory, from `start` on.
    pub(super) fn child<'a>(&'a self, directory: &str, start: Bound<&str>) -> Option<(&'a str, &'a Node)> {
        self.below(directory, start).next()
    }

    pub(super) fn is_empty(&self, directory: &str) -> bool {
        self.below(directory, Bound::Unbounded).next().is_none()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.nodes.iter().map(|(key, node)| (key.as_str(), node))
    }

    /// Whether somebody holds a lease on something below.
    pub(super) fn is_leased_below(&self, directory: &str, now: Stamp) -> bool {
        self.below(directory, Bound::Unbounded)
            .any(|(_, node)| LeaseState::of(node.lease.as_ref(), now).locks())
    }

    /// Puts a node, and directories above it where there are none.
    pub(super) fn insert(&mut self, key: &str, node: Node, now: Stamp) -> Result<(), LakeError> {
        self.make_parents(key, now)?;
        self.nodes.insert(key.to_owned(), node);
        Ok(())
    }

    fn make_parents(&mut self, key: &str, now: Stamp) -> Result<(), LakeError> {
        // All are looked at before any is made: a refused request leaves nothing behind.
        let ends: Vec<usize> = key.match_indices(SEPARATOR).map(|(at, _)| at).collect();
        if ends.iter().any(|end| self.nodes.get(&key[..*end]).is_some_and(|node| !node.is_directory())) {
            return Err(LakeError::path_conflict());
        }
        for end in ends {
            self.nodes.entry(key[..end].to_owned()).or_insert_with(|| Node::directory(now));
        }
        Ok(())
    }

    /// Takes a node and everything below it out; keys are what follows the node's own.
    pub(super) fn take(&mut self, key: &str) -> Vec<(String, Node)> {
        let behind = format!("{key}{BEHIND}");
        let keys: Vec<String> =
            self.nodes.range(key.to_owned()..behind).map(|(key, _)| key.clone()).collect();
        let out = |whole: String| Some((whole[key.len()..].to_owned(), self.nodes.remove(&whole)?));
        keys.into_iter().filter_map(out).collect()
    }

    /// Puts what was taken elsewhere. What was at the destination goes.
    pub(super) fn put(&mut self, key: &str, taken: Vec<(String, Node)>) {
        self.nodes.extend(taken.into_iter().map(|(rest, node)| (format!("{key}{rest}"), node)));
    }

    pub(super) fn has_directory(&self, key: &str) -> bool {
        self.get(key).is_some_and(Node::is_directory)
    }

    /// The directory that would hold `key`, if it is there.
    pub(super) fn parent(&self, key: &str) -> Option<&Node> {
        self.get(address::parent(key))
    }
}
