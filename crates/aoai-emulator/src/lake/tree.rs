//! The paths of one filesystem, depth first by name.

use std::collections::BTreeMap;

use super::{
    node::{Kind, Node},
    refusal::LakeError,
};

/// A path whose order is that of a listing: `/` sorts before every other character.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(String);

impl Key {
    pub(super) fn of(path: &str) -> Self {
        Self(path.replace('/', "\0"))
    }

    pub(super) fn path(&self) -> String {
        self.0.replace('\0', "/")
    }

    /// Whether this lies below `directory`, at any depth.
    fn is_below(&self, directory: &Self) -> bool {
        directory.0.is_empty() || self.0.strip_prefix(&directory.0).is_some_and(|rest| rest.starts_with('\0'))
    }
}

/// A filesystem.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: BTreeMap<Key, Node>,
}

impl Tree {
    pub(super) fn get(&self, path: &str) -> Option<&Node> {
        self.nodes.get(&Key::of(path))
    }

    pub(super) fn get_mut(&mut self, path: &str) -> Option<&mut Node> {
        self.nodes.get_mut(&Key::of(path))
    }

    pub(super) fn is_directory(&self, path: &str) -> bool {
        path.is_empty() || self.get(path).is_some_and(Node::is_directory)
    }

    pub(super) fn put(&mut self, path: &str, node: Node) {
        self.nodes.insert(Key::of(path), node);
    }

    /// Makes the directories above a path; a file among them is a conflict.
    pub(super) fn make_parents(&mut self, path: &str) -> Result<(), LakeError> {
        for (at, _) in path.match_indices('/') {
            let parent = &path[..at];
            match self.get(parent) {
                Some(node) if node.is_directory() => {}
                Some(_) => return Err(LakeError::wrong_type()),
                None => self.put(parent, Node::new(Kind::Directory)),
            }
        }
        Ok(())
    }

    /// Everything below a directory, from the first entry after `after`.
    pub(super) fn below<'a>(
        &'a self,
        directory: &str,
        after: Option<&Key>,
    ) -> impl Iterator<Item = (&'a Key, &'a Node)> {
        let directory = Key::of(directory);
        let start = after.cloned().unwrap_or_else(|| directory.clone());
        self.nodes.range((std::ops::Bound::Excluded(start), std::ops::Bound::Unbounded)).take_while({
            let directory = directory.clone();
            move |(key, _)| key.is_below(&directory)
        })
    }

    pub(super) fn has_children(&self, directory: &str) -> bool {
        self.below(directory, None).next().is_some()
    }

    /// Takes a path out, with everything below it; each with its path relative to it.
    pub(super) fn take(&mut self, path: &str) -> Vec<(String, Node)> {
        let keys: Vec<Key> = self.below(path, None).map(|(key, _)| key.clone()).collect();
        let mut taken = Vec::with_capacity(keys.len() + 1);
        if let Some(node) = self.nodes.remove(&Key::of(path)) {
            taken.push((String::new(), node));
        }
        for key in keys {
            if let Some(node) = self.nodes.remove(&key) {
                let full = key.path();
                taken.push((full[path.len()..].to_owned(), node));
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(paths: &[&str]) -> Tree {
        let mut tree = Tree::default();
        for path in paths {
            tree.make_parents(path).unwrap();
            tree.put(path, Node::new(Kind::Directory));
        }
        tree
    }

    fn names(tree: &Tree, directory: &str) -> Vec<String> {
        tree.below(directory, None).map(|(key, _)| key.path()).collect()
    }

    #[test]
    fn depth_first_by_name_and_neighbours_are_not_below() {
        let tree = tree(&["a-b", "a/y", "a/b/c", "a.txt", "b"]);
        assert_eq!(names(&tree, ""), ["a", "a/b", "a/b/c", "a/y", "a-b", "a.txt", "b"]);
        assert_eq!(names(&tree, "a"), ["a/b", "a/b/c", "a/y"]);
        assert!(tree.has_children("a") && !tree.has_children("a-b"));
    }

    #[test]
    fn taking_a_directory_takes_what_is_below() {
        let mut tree = tree(&["a/b/c", "ab"]);
        let taken: Vec<String> = tree.take("a").into_iter().map(|(path, _)| path).collect();
        assert_eq!(taken, ["", "/b", "/b/c"]);
        assert_eq!(names(&tree, ""), ["ab"]);
    }
}
