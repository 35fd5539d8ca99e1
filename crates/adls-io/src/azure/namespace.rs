//! Whether an account is one that this crate can work with, asked once for each filesystem.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use super::{dfs::Dfs, refusal::NO_HNS};
use crate::{Error, ErrorKind, LakePath, Location, Result};

/// Filesystems whose account was seen to have a hierarchical namespace.
#[derive(Debug, Default)]
pub(crate) struct Namespaces(Mutex<HashSet<String>>);

impl Namespaces {
    /// Refuses an account without hierarchical namespace.
    pub(crate) async fn check(&self, client: &dyn Dfs, name: &str) -> Result<()> {
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(name) {
            return Ok(());
        }
        match client.namespace(name).await {
            Ok(Some(false)) => {
                let root = Location::new(name, LakePath::root());
                return Err(Error::new(ErrorKind::Invalid, "use", &root, NO_HNS));
            }
            Ok(_) => {}
            // Known, but without the right to look at the filesystem itself, as a SAS for a directory has it: the
            // operations in it will tell.
            Err(error)
                if error.kind == ErrorKind::PermissionDenied
                    && error.code.as_deref().is_some_and(|code| code.starts_with("Authorization")) => {}
            Err(error) => return Err(error),
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        Ok(())
    }

    /// Makes sure that a filesystem exists.
    pub(crate) async fn ensure(&self, client: &dyn Dfs, name: &str) -> Result<()> {
        match self.check(client, name).await {
            Err(error) if error.kind == ErrorKind::NoFilesystem => {
                client.create_filesystem(name).await?;
                self.check(client, name).await
            }
            other => other,
        }
    }
}
