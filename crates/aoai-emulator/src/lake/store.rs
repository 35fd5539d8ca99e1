//! All accounts.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    content::Content,
    node::{FileBytes, Kind, Node},
    refusal::LakeError,
    tree::Tree,
};
use crate::{
    clock::{Stamp, wall_now},
    config::LakeConfig,
};

/// A filesystem and what is in it.
#[derive(Debug)]
pub(super) struct Filesystem {
    pub(super) tree: Tree,
    pub(super) root: Node,
    pub(super) created: Stamp,
}

impl Filesystem {
    fn new() -> Self {
        Self { tree: Tree::default(), root: Node::new(Kind::Directory), created: wall_now() }
    }

    /// What stands at a path; the root is a directory.
    pub(super) fn find(&self, path: &str) -> Option<&Node> {
        if path.is_empty() { Some(&self.root) } else { self.tree.get(path) }
    }
}

/// One path of a lake, for tests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LakePathSummary {
    /// Segments joined by `/`.
    pub path: String,
    /// Whether it is a directory.
    pub directory: bool,
    /// Bytes.
    pub bytes: u64,
    /// Version, without quotes.
    pub etag: String,
}

/// Accounts, filesystems, paths.
#[derive(Debug)]
pub(crate) struct LakeStore {
    accounts: BTreeMap<String, Account>,
}

#[derive(Debug)]
pub(super) struct Account {
    pub(super) hierarchical: bool,
    pub(super) filesystems: BTreeMap<String, Filesystem>,
}

impl LakeStore {
    pub(crate) fn new(config: &LakeConfig) -> Self {
        let filesystems =
            || config.create_filesystems.iter().map(|name| (name.clone(), Filesystem::new())).collect();
        let accounts = config.accounts.iter().map(|account| {
            let hierarchical = account.hierarchical_namespace;
            (account.name.clone(), Account { hierarchical, filesystems: filesystems() })
        });
        Self { accounts: accounts.collect() }
    }

    pub(super) fn account(&mut self, name: &str) -> Result<&mut Account, LakeError> {
        self.accounts.get_mut(name).ok_or_else(LakeError::filesystem_not_found)
    }

    pub(super) fn filesystem(&mut self, account: &str, name: &str) -> Result<&mut Filesystem, LakeError> {
        self.account(account)?.filesystems.get_mut(name).ok_or_else(LakeError::filesystem_not_found)
    }

    pub(super) fn create_filesystem(&mut self, account: &str, name: &str) -> Result<(), LakeError> {
        let account = self.account(account)?;
        if account.filesystems.contains_key(name) {
            return Err(LakeError::conflict(
                "FilesystemAlreadyExists",
                "The specified filesystem already exists.",
            ));
        }
        account.filesystems.insert(name.to_owned(), Filesystem::new());
        Ok(())
    }

    pub(crate) fn delete_filesystem(&mut self, account: &str, name: &str) -> Result<(), LakeError> {
        let removed = self.account(account)?.filesystems.remove(name);
        removed.map(drop).ok_or_else(LakeError::filesystem_not_found)
    }

    /// A file from inside: what the service's own identity sees.
    pub(crate) fn open(
        &mut self,
        account: &str,
        filesystem: &str,
        path: &str,
    ) -> Option<(Arc<Content>, u64, String)> {
        let node = self.filesystem(account, filesystem).ok()?.tree.get(path)?;
        let file = node.file()?;
        Some((file.content.clone(), file.length, node.etag.clone()))
    }

    /// Puts a file from inside, complete; what stands there is replaced.
    pub(crate) fn put(
        &mut self,
        account: &str,
        filesystem: &str,
        path: &str,
        content: Arc<Content>,
        length: u64,
    ) -> Result<(), LakeError> {
        let tree = &mut self.filesystem(account, filesystem)?.tree;
        tree.make_parents(path)?;
        if tree.is_directory(path) {
            return Err(LakeError::wrong_type());
        }
        tree.put(path, Node::new(Kind::File(FileBytes::whole(content, length))));
        Ok(())
    }

    /// Everything in a filesystem, in order.
    pub(crate) fn summary(
        &mut self,
        account: &str,
        filesystem: &str,
    ) -> Result<Vec<LakePathSummary>, LakeError> {
        let tree = &self.filesystem(account, filesystem)?.tree;
        let summary = tree.below("", None).map(|(key, node)| LakePathSummary {
            path: key.path(),
            directory: node.is_directory(),
            bytes: node.length(),
            etag: node.etag.clone(),
        });
        Ok(summary.collect())
    }
}
