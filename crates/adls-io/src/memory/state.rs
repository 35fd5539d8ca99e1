//! What a lake in memory holds, and every change to it. Nothing here waits.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;

use crate::condition::{check_destination, check_version};
use crate::{
    Condition, Deleted, ETag, Entry, EntryKind, Error, ErrorKind, LakePath, Location, RenameOptions, Result,
};

#[derive(Debug, Default)]
pub(super) struct State {
    filesystems: BTreeMap<String, Tree>,
    versions: u64,
    pub(super) now_ms: i64,
}

type Tree = BTreeMap<Key, Node>;

/// A path whose order is that of a walk, depth first by name: the separator sorts before every character of a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key(String);

#[derive(Debug, Clone)]
struct Node {
    kind: EntryKind,
    bytes: Bytes,
    etag: ETag,
    modified_ms: i64,
}

impl Key {
    fn of(path: &LakePath) -> Self {
        Self(path.as_str().replace('/', "\0"))
    }

    fn path(&self) -> Option<LakePath> {
        LakePath::parse(&self.0.replace('\0', "/")).ok()
    }

    /// The least key that is neither this one nor below it.
    fn after_subtree(&self) -> Self {
        Self(format!("{}\u{1}", self.0))
    }

    fn is_below(&self, directory: &Self) -> bool {
        directory.0.is_empty() || self.0.strip_prefix(&directory.0).is_some_and(|rest| rest.starts_with('\0'))
    }
}

impl Node {
    fn entry(&self, location: Location) -> Entry {
        let (kind, etag, modified_ms) = (self.kind, self.etag.clone(), self.modified_ms);
        Entry { location, kind, size: self.bytes.len() as u64, etag, modified_ms }
    }
}

impl State {
    pub(super) fn ensure_filesystem(&mut self, name: &str) {
        self.filesystems.entry(name.to_owned()).or_default();
    }

    fn tree(&self, operation: &'static str, at: &Location) -> Result<&Tree> {
        self.filesystems.get(&at.filesystem).ok_or_else(|| no_filesystem(operation, at))
    }

    fn tree_mut(&mut self, operation: &'static str, at: &Location) -> Result<&mut Tree> {
        self.filesystems.get_mut(&at.filesystem).ok_or_else(|| no_filesystem(operation, at))
    }

    /// What stands at a location, its bytes included.
    pub(super) fn find(&self, operation: &'static str, at: &Location) -> Result<Option<(Entry, Bytes)>> {
        let tree = self.tree(operation, at)?;
        if at.path.is_root() {
            return Ok(Some((directory(0).entry(at.clone()), Bytes::new())));
        }
        Ok(tree.get(&Key::of(&at.path)).map(|node| (node.entry(at.clone()), node.bytes.clone())))
    }

    /// The file at a location; a directory is an error.
    pub(super) fn find_file(&self, operation: &'static str, at: &Location) -> Result<Option<(Entry, Bytes)>> {
        match self.find(operation, at)? {
            Some((entry, _)) if entry.kind == EntryKind::Directory => {
                Err(Error::new(ErrorKind::WrongType, operation, at, "the path is a directory"))
            }
            found => Ok(found),
        }
    }

    pub(super) fn put(&mut self, at: &Location, bytes: Bytes, condition: &Condition) -> Result<ETag> {
        self.check(at, condition, "write")?;
        self.versions += 1;
        let etag = ETag(format!("m-{:x}", self.versions));
        let modified_ms = self.now_ms;
        self.insert("write", at, Node { kind: EntryKind::File, bytes, etag: etag.clone(), modified_ms })?;
        Ok(etag)
    }

    fn check(&self, at: &Location, condition: &Condition, operation: &'static str) -> Result<()> {
        let standing = self.find(operation, at)?;
        let standing = standing.as_ref().map(|(entry, _)| (entry.kind, &entry.etag));
        check_destination(operation, at, condition, standing)
    }

    fn insert(&mut self, operation: &'static str, at: &Location, node: Node) -> Result<()> {
        let now_ms = self.now_ms;
        let tree = self.tree_mut(operation, at)?;
        let mut parents = Vec::new();
        let mut parent = at.path.parent();
        while !parent.is_root() {
            if tree.get(&Key::of(&parent)).is_some_and(|node| node.kind == EntryKind::File) {
                let message = "a file stands where a directory is needed";
                return Err(Error::new(ErrorKind::WrongType, operation, at, message));
            }
            let above = parent.parent();
            parents.push(parent);
            parent = above;
        }
        for parent in parents {
            tree.entry(Key::of(&parent)).or_insert_with(|| directory(now_ms));
        }
        tree.insert(Key::of(&at.path), node);
        Ok(())
    }

    pub(super) fn rename(&mut self, from: &Location, to: &Location, options: &RenameOptions) -> Result<ETag> {
        let Some((source, bytes)) = self.find_file("rename", from)? else {
            let moved = self.find_file("rename", to)?.map(|(entry, _)| entry.etag);
            return match (&options.source_if_match, moved) {
                (Some(wanted), Some(found)) if *wanted == found => Ok(found),
                _ => Err(Error::new(ErrorKind::NotFound, "rename", from, "there is no such file")),
            };
        };
        check_version("rename", from, options.source_if_match.as_ref(), &source.etag)?;
        self.check(to, &options.destination, "rename")?;
        if from == to {
            return Ok(source.etag);
        }
        let (etag, modified_ms) = (source.etag.clone(), source.modified_ms);
        self.insert("rename", to, Node { kind: EntryKind::File, bytes, etag: source.etag, modified_ms })?;
        self.tree_mut("rename", from)?.remove(&Key::of(&from.path));
        Ok(etag)
    }

    pub(super) fn delete(&mut self, at: &Location, if_match: Option<&ETag>) -> Result<Deleted> {
        let Some((found, _)) = self.find_file("delete", at)? else { return Ok(Deleted::Absent) };
        check_version("delete", at, if_match, &found.etag)?;
        self.tree_mut("delete", at)?.remove(&Key::of(&at.path));
        Ok(Deleted::Deleted)
    }

    pub(super) fn delete_directory(&mut self, at: &Location) -> Result<Deleted> {
        if at.path.is_root() {
            let message = "the root of a filesystem is not deleted";
            return Err(Error::new(ErrorKind::Invalid, "delete", at, message));
        }
        match self.find("delete", at)? {
            None => return Ok(Deleted::Absent),
            Some((entry, _)) if entry.kind == EntryKind::File => {
                return Err(Error::new(ErrorKind::WrongType, "delete", at, "the path is a file"));
            }
            Some(_) => {}
        }
        let top = Key::of(&at.path);
        self.tree_mut("delete", at)?.retain(|key, _| *key != top && !key.is_below(&top));
        Ok(Deleted::Deleted)
    }

    /// Up to `count` entries of a directory, after `last`.
    pub(super) fn page(
        &self,
        directory: &Location,
        recursive: bool,
        last: Option<&LakePath>,
        count: usize,
    ) -> Result<Vec<Entry>> {
        let tree = self.tree("list", directory)?;
        let top = Key::of(&directory.path);
        let mut from = match last {
            Some(last) if recursive => Bound::Excluded(Key::of(last)),
            Some(last) => Bound::Included(Key::of(last).after_subtree()),
            None => Bound::Excluded(top.clone()),
        };
        let mut page = Vec::new();
        while page.len() < count {
            let next = tree.range((from, Bound::Unbounded)).next();
            let Some((key, node)) = next.filter(|(key, _)| key.is_below(&top)) else { break };
            let Some(path) = key.path() else { break };
            page.push(node.entry(Location::new(directory.filesystem.clone(), path)));
            from = match recursive {
                true => Bound::Excluded(key.clone()),
                false => Bound::Included(key.after_subtree()),
            };
        }
        Ok(page)
    }

    /// Every file of every filesystem, in order.
    pub(super) fn paths(&self) -> Vec<Location> {
        let files = self.filesystems.iter().flat_map(|(name, tree)| {
            let files = tree.iter().filter(|(_, node)| node.kind == EntryKind::File);
            files.filter_map(|(key, _)| Some(Location::new(name.clone(), key.path()?)))
        });
        files.collect()
    }
}

fn directory(modified_ms: i64) -> Node {
    Node { kind: EntryKind::Directory, bytes: Bytes::new(), etag: ETag(String::new()), modified_ms }
}

fn no_filesystem(operation: &'static str, at: &Location) -> Error {
    Error::new(ErrorKind::NoFilesystem, operation, at, "there is no such filesystem")
}
