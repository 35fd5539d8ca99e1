//! The requests of a job, before its results are held against them.

use adls_io::{DataLakeExt, Location};

use super::results::for_each_index_line;
use crate::{
    audit::{Conservation, Expecting, check_file},
    error::{StageError, StageResult},
    model::{JobRecord, Publication},
    reconcile::Context,
};

/// From the indexes of the parts; where one is gone, from the input itself, at the version that was sent. If that is gone, too,
/// only the results are compared with each other: each part was complete when it was harvested.
pub(super) async fn requests(
    context: &Context,
    job: &JobRecord,
    publication: &Publication,
) -> StageResult<Conservation> {
    let lake = context.lake.as_ref();
    let mut books = Conservation::default();
    if publication.parts.is_empty() {
        return Ok(books);
    }
    let mut twice = None;
    for part in publication.last_attempts() {
        let index = context.layout.index(&job.key, part.plan.number)?;
        if !lake.exists(&index).await? {
            return from_input(context, job, publication).await;
        }
        for_each_index_line(lake, &index, |_, entry| {
            if let Err((_, message)) = books.expect(&entry.id) {
                twice.get_or_insert(message);
            }
        })
        .await?;
    }
    whole(twice, books)
}

async fn from_input(
    context: &Context,
    job: &JobRecord,
    publication: &Publication,
) -> StageResult<Conservation> {
    let lake = context.lake.as_ref();
    let archived = publication.raw_directory().join(&publication.target.raw_name())?;
    for at in [&job.input.location, &archived] {
        if !is_ours(context, job, at).await? {
            continue;
        }
        let (mut books, mut twice) = (Conservation::default(), None);
        let found = check_file(lake, at, Expecting::Requests, &mut books, |_, (_, message)| {
            twice.get_or_insert(message);
        });
        if found.await?.is_some() {
            return whole(twice, books);
        }
    }
    tracing::warn!(job = %job.key, "index and input are gone: the results are only compared with each other");
    Ok(Conservation::default())
}

async fn is_ours(context: &Context, job: &JobRecord, at: &Location) -> StageResult<bool> {
    match context.lake.head(at).await {
        Ok(entry) => Ok(entry.etag == job.input.etag),
        Err(error) if error.kind == adls_io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn whole(twice: Option<String>, books: Conservation) -> StageResult<Conservation> {
    match twice {
        None => Ok(books),
        Some(message) => {
            Err(StageError::local(message, Some("somebody changed the work directory; see ARCHITECTURE.md")))
        }
    }
}
