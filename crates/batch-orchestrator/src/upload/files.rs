//! Our files at the service, and what it says to them.

use aoai_batch_client::{BatchApiExt, FileObject, FileQuery, FileStatus};
use futures::TryStreamExt;

use crate::{
    error::StageResult,
    model::{PartFailure, PartRecord},
    reconcile::Context,
};

/// Our files whose names begin so; more than one where an upload was repeated.
pub(crate) async fn find_files(context: &Context, prefix: &str) -> StageResult<Vec<FileObject>> {
    let query = FileQuery { purpose: Some("batch".into()), ..FileQuery::default() };
    let mut found = Vec::new();
    let mut files = std::pin::pin!(context.service.files(query));
    while let Some(file) = files.try_next().await? {
        if file.filename.as_deref().is_some_and(|name| name.starts_with(prefix)) {
            found.push(file);
        }
    }
    Ok(found)
}

/// The file of a generation that an earlier try stored, if it got through.
pub(super) async fn earlier_file(
    context: &Context,
    part: &PartRecord,
    generation: u32,
) -> StageResult<Option<FileObject>> {
    let mut copies = find_files(context, &part.key.service_file(generation)).await?;
    // The service does not know the size of what it has yet to fetch.
    let on_its_way = |file: &FileObject| {
        !matches!(
            file.status,
            FileStatus::Processed | FileStatus::Error | FileStatus::Deleting | FileStatus::Deleted
        )
    };
    let whole = |file: &FileObject| file.bytes.is_none_or(|bytes| bytes == part.plan.upload_bytes);
    copies.retain(|file| whole(file) || (file.bytes == Some(0) && on_its_way(file)));
    copies.sort_by_key(|file| file.created_at);
    Ok(copies.into_iter().next())
}

/// A refusal in the service's words.
pub(crate) fn refusal(error: &aoai_batch_client::Error) -> PartFailure {
    PartFailure { code: error.code().unwrap_or("rejected").to_owned(), message: error.message().to_owned() }
}
