//! Renames that recognise their own lost answers.

use super::dfs::Dfs;
use crate::{
    Condition, ETag, Entry, EntryKind, Error, ErrorKind, Location, RenameOptions, Result,
    condition::{check_destination, check_version},
};

/// Moves a file.
pub(crate) async fn rename(
    client: &dyn Dfs,
    from: &Location,
    to: &Location,
    options: &RenameOptions,
) -> Result<ETag> {
    // A version that is given is checked by the service; otherwise the version has to be known first, because it is
    // what a lost answer is recognised by, and that it is a file has to be known at all.
    let etag = match &options.source_if_match {
        Some(etag) if from != to => etag.clone(),
        _ => {
            let source = client.head("rename", from).await?;
            check_is_file(from, &source)?;
            check_version("rename", from, options.source_if_match.as_ref(), &source.etag)?;
            if from == to {
                let standing = Some((source.kind, &source.etag));
                check_destination("rename", to, &options.destination, standing)?;
                return Ok(source.etag);
            }
            source.etag
        }
    };
    move_file(client, "rename", from, to, &etag, &options.destination).await?;
    Ok(etag)
}

/// Moves the file of this version; the version is kept over it (recorded traffic of the service shows that).
pub(crate) async fn move_file(
    client: &dyn Dfs,
    operation: &'static str,
    from: &Location,
    to: &Location,
    etag: &ETag,
    destination: &Condition,
) -> Result<()> {
    if *destination == Condition::Always {
        // What the service does with a directory at the destination is not documented well enough to rely on.
        let standing = client.find(operation, to).await?;
        check_destination(operation, to, destination, standing.as_ref().map(|e| (e.kind, &e.etag)))?;
    }
    let mut moved = client.move_path(operation, from, to, Some(etag), destination).await;
    if moved.as_ref().is_err_and(lacks_parent) {
        client.create_directory(&Location::new(to.filesystem.clone(), to.path.parent())).await?;
        moved = client.move_path(operation, from, to, Some(etag), destination).await;
    }
    match moved {
        Ok(()) => Ok(()),
        Err(error) if is_about_the_tree(error.kind) => {
            explain(client, operation, from, to, etag, destination, error).await
        }
        Err(error) => Err(error),
    }
}

fn lacks_parent(error: &Error) -> bool {
    error.code.as_deref() == Some("RenameDestinationParentPathNotFound")
}

fn is_about_the_tree(kind: ErrorKind) -> bool {
    use ErrorKind as K;
    matches!(kind, K::NotFound | K::AlreadyExists | K::Precondition | K::WrongType | K::Invalid)
}

/// A rename was refused: by what stands in the tree now, was it done before, or why can it not be done?
async fn explain(
    client: &dyn Dfs,
    operation: &'static str,
    from: &Location,
    to: &Location,
    etag: &ETag,
    destination: &Condition,
    refusal: Error,
) -> Result<()> {
    let (source, standing) = (client.find(operation, from).await?, client.find(operation, to).await?);
    let Some(source) = source else {
        return match standing {
            Some(standing) if standing.kind == EntryKind::File && standing.etag == *etag => Ok(()),
            _ => Err(Error {
                kind: ErrorKind::NotFound,
                message: "there is no such file".to_owned(),
                subject: from.to_string(),
                ..refusal
            }),
        };
    };
    check_is_file(from, &source)?;
    check_version(operation, from, Some(etag), &source.etag)?;
    check_destination(operation, to, destination, standing.as_ref().map(|e| (e.kind, &e.etag)))?;
    Err(refusal)
}

fn check_is_file(at: &Location, entry: &Entry) -> Result<()> {
    match entry.kind {
        EntryKind::File => Ok(()),
        EntryKind::Directory => {
            Err(Error::new(ErrorKind::WrongType, "rename", at, "the path is a directory"))
        }
    }
}
