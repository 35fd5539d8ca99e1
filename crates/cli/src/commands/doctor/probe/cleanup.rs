//! Removes all that the probes made, also what nobody said whether it was made.

use std::time::Duration;

use adls_io::{DataLake, Location};
use aoai_batch_client::{Batch, BatchApi, BatchApiExt, BatchId, FileId, FileQuery, PageQuery, Result};
use futures::TryStreamExt;
use tokio::time::{Instant, sleep};

use super::{report::Probe, site::Site};
use crate::commands::doctor::report::Outcome;

const NAME: &str = "clean-up";

/// So long at most for batches to end once they are cancelled; the service says up to ten minutes.
const PATIENCE: Duration = Duration::from_mins(1);

/// Answers with what could not be removed.
pub(super) async fn clean(site: &Site<'_>, lake: &dyn DataLake, directory: &Location) -> Vec<String> {
    let mut left = Vec::new();
    if let Err(error) = lake.delete_directory(directory).await {
        left.push(format!("the directory {directory}: {error}"));
    }
    let mut files = lost_files(site, &mut left).await;
    let batches = lost_batches(site, &mut left).await;
    for id in &batches {
        match end(site, id, &mut left).await {
            Some(batch) => files.extend(batch.output_file_id.into_iter().chain(batch.error_file_id)),
            None => tracing::debug!(batch = id.0, "has not ended"),
        }
    }
    for id in &files {
        if let Err(error) = site.service.delete_file(id).await {
            left.push(format!("the file {}: {error}", id.0));
        }
    }
    left
}

/// All input files; those whose upload had no answer are looked for by name.
async fn lost_files(site: &Site<'_>, left: &mut Vec<String>) -> Vec<FileId> {
    let files = site.remains.files();
    let mut found: Vec<FileId> = files.iter().filter_map(|file| file.id.clone()).collect();
    for lost in files.iter().filter(|file| file.id.is_none()) {
        match until_found(site, || named(site, &lost.name)).await {
            Ok(ids) if ids.is_empty() => left.push(format!(
                "perhaps the file {}: its upload had no answer, and the list does not have it",
                lost.name
            )),
            Ok(ids) => found.extend(ids),
            Err(error) => left.push(format!("perhaps the file {}: {error}", lost.name)),
        }
    }
    found
}

async fn named(site: &Site<'_>, name: &str) -> Result<Vec<FileId>> {
    let query = FileQuery { purpose: Some("batch".into()), ..FileQuery::default() };
    let files: Vec<_> = site.service.files(query).try_collect().await?;
    Ok(files.into_iter().filter(|file| file.filename.as_deref() == Some(name)).map(|file| file.id).collect())
}

/// All batches; those whose create had no answer are looked for by their input.
async fn lost_batches(site: &Site<'_>, left: &mut Vec<String>) -> Vec<BatchId> {
    let batches = site.remains.batches();
    let mut found: Vec<BatchId> = batches.iter().filter_map(|batch| batch.id.clone()).collect();
    for lost in batches.iter().filter(|batch| batch.id.is_none()) {
        // The fence, as a run puts it up. Where it is refused, the batch is there and in the list some time.
        let _ = site.service.delete_file(&lost.input).await;
        match until_found(site, || created_on(site, &lost.input)).await {
            Ok(ids) if ids.is_empty() => left.push(format!(
                "perhaps a batch on the file {}: its create had no answer, and the list does not have it; cancel it if it \
                 shows up",
                lost.input.0
            )),
            Ok(ids) => found.extend(ids),
            Err(error) => left.push(format!("perhaps a batch on the file {}: {error}", lost.input.0)),
        }
    }
    found
}

async fn created_on(site: &Site<'_>, input: &FileId) -> Result<Vec<BatchId>> {
    let query = PageQuery { limit: Some(100), after: None };
    let batches: Vec<_> = site.service.batches(query).try_collect().await?;
    let known: Vec<_> = site.remains.batches().into_iter().filter_map(|batch| batch.id).collect();
    let ours = |batch: &Batch| {
        let by_name = batch.metadata.get("aob_probe") == Some(&site.name) && !known.contains(&batch.id);
        batch.input_file_id.as_ref() == Some(input) || by_name
    };
    Ok(batches.into_iter().filter(ours).map(|batch| batch.id).collect())
}

/// Looks until there is something, or lists should have it by now.
async fn until_found<T, F>(site: &Site<'_>, look: impl Fn() -> F) -> Result<Vec<T>>
where
    F: Future<Output = Result<Vec<T>>>,
{
    let until = Instant::now() + site.list_wait;
    loop {
        let found = look().await?;
        if !found.is_empty() || Instant::now() >= until {
            return Ok(found);
        }
        sleep(site.list_every()).await;
    }
}

/// Brings a batch to its end; none = it is not there yet.
async fn end(site: &Site<'_>, id: &BatchId, left: &mut Vec<String>) -> Option<Batch> {
    if let Ok(Some(batch)) = site.batch(id).await
        && batch.status.is_terminal()
    {
        return Some(batch);
    }
    if let Err(error) = site.service.cancel_batch(id).await {
        left.push(format!("the batch {} could not be cancelled: {error}", id.0));
        return None;
    }
    let until = Instant::now() + PATIENCE;
    loop {
        // A look that fails is repeated: the cancel was taken.
        if let Ok(Some(batch)) = site.batch(id).await
            && batch.status.is_terminal()
        {
            let what = format!("batch {} still ran and was cancelled; it is {}", id.0, batch.status);
            site.found(Probe::new(NAME, Outcome::Note, what));
            return Some(batch);
        }
        if Instant::now() >= until {
            let what = format!("batch {} still ran and is being cancelled, which may take ten minutes", id.0);
            let then = "it may leave a result file of one line: look for it in the list of files then";
            site.found(Probe::new(NAME, Outcome::Warning, what).advice(then));
            return None;
        }
        site.pause().await;
    }
}
