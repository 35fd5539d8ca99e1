//! Deletes that tell a file from a directory.

use super::{client::Failure, dfs::Dfs};
use crate::{Deleted, ETag, EntryKind, Error, ErrorKind, Location, Result, condition::check_version};

/// Deletes a file.
pub(crate) async fn delete(client: &dyn Dfs, at: &Location, if_match: Option<&ETag>) -> Result<Deleted> {
    // The service would delete an empty directory as well; a version that is given is a file's.
    if if_match.is_none() {
        match client.find("delete", at).await? {
            None => return Ok(Deleted::Absent),
            Some(entry) if entry.kind == EntryKind::Directory => {
                return Err(Error::new(ErrorKind::WrongType, "delete", at, "the path is a directory"));
            }
            Some(_) => {}
        }
    }
    match client.delete_file(at, if_match).await {
        // The service may check the condition before it looks whether there is a file at all.
        Err(Failure { error, doubtful }) if error.kind == ErrorKind::Precondition => {
            match client.find("delete", at).await? {
                None if doubtful => Ok(Deleted::Deleted),
                None => Ok(Deleted::Absent),
                Some(entry) => {
                    check_version("delete", at, if_match, &entry.etag)?;
                    Err(error)
                }
            }
        }
        other => Ok(other?),
    }
}

/// Deletes a directory with what is below it.
pub(crate) async fn delete_directory(client: &dyn Dfs, at: &Location) -> Result<Deleted> {
    if at.path.is_root() {
        return Err(Error::new(ErrorKind::Invalid, "delete", at, "the root of a filesystem stays"));
    }
    match client.find("delete", at).await? {
        None => Ok(Deleted::Absent),
        Some(entry) if entry.kind == EntryKind::File => {
            Err(Error::new(ErrorKind::WrongType, "delete", at, "the path is a file"))
        }
        Some(_) => client.delete_tree(at).await,
    }
}
