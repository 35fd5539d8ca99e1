//! All published directories below one.

use adls_io::{DataLake, DataLakeExt, EntryKind, ListMode, Location};
use futures::{StreamExt, TryStreamExt, stream::BoxStream};

use crate::{collect::MANIFEST_NAME, error::PipelineError};

/// The directories below `root` (and itself) that have a manifest, as one listing finds them. A directory that is not there has none.
#[must_use]
pub fn published_directories(
    lake: &dyn DataLake,
    root: &Location,
) -> BoxStream<'static, Result<Location, PipelineError>> {
    let entries = lake.list_if_there(root, ListMode::Recursive).map_err(PipelineError::from);
    entries
        .try_filter_map(|entry| async move {
            let path = entry.location.path.as_str();
            // Our own: plans and bundles on their way.
            let is_ours = path.starts_with("_aoai-batch/") || path.contains("/_aoai-batch/");
            let is_manifest =
                entry.kind == EntryKind::File && entry.location.path.file_name() == MANIFEST_NAME;
            Ok((is_manifest && !is_ours).then(|| entry.location.parent()))
        })
        .boxed()
}
