//! `PUBLISHING`: results, input, manifest — in that order, each verified, each step a no-op if it is done already. The input is
//! only archived when each of its requests was read back exactly once, from output or errors.

use adls_io::{Condition, DataLakeExt, ErrorKind, Location, ReadOptions, RenameOptions};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};

use super::{
    artifact::{measure, write_results},
    beside::{Results, beside},
    books::requests,
    documents::{MANIFEST_NAME, manifest, metadata},
};
use crate::{
    audit::{Conservation, Expecting, Results as Lines, check_file},
    error::{StageError, StageResult},
    machine::JobEvent,
    model::{Artifact, JobRecord, PartResult, Publication, RawInput, Totals},
    reconcile::Context,
};

const OUTPUT: Expecting = Expecting::Results(Lines::Output);
const ERRORS: Expecting = Expecting::Results(Lines::Errors);
const FAILED: Expecting = Expecting::Results(Lines::Failed);

/// Something with a final name differs from what we would write: only a person can decide.
pub(super) enum Publish {
    Failed(StageError),
    Conflict(String),
}

impl<E: Into<StageError>> From<E> for Publish {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Publishes a job.
pub(crate) async fn publish(
    context: &Context,
    job: &JobRecord,
    publication: &Publication,
) -> StageResult<JobEvent> {
    match publish_all(context, job, publication).await {
        Ok((totals, raw)) => Ok(JobEvent::Published { totals, raw }),
        Err(Publish::Failed(error)) => Err(error),
        Err(Publish::Conflict(reason)) => Ok(JobEvent::Quarantine { reason }),
    }
}

async fn publish_all(
    context: &Context,
    job: &JobRecord,
    publication: &Publication,
) -> Result<(Totals, RawInput), Publish> {
    let target = &publication.target;
    let place = |directory: &Location, what: &str| directory.join(&target.file_name(what));
    let mut artifacts = Vec::new();
    let mut books = requests(context, job, publication).await?;
    let (has_output, has_errors) = (publication.totals().output > 0, publication.has_errors());

    if has_output {
        let sources = publication.sources(|part| part.harvest.output.as_ref());
        artifacts
            .push(merge(context, &sources, &place(&target.processed, "output")?, OUTPUT, &mut books).await?);
    }
    if let Some(report) = &publication.rejection {
        artifacts.push(
            merge(context, &[report], &place(&target.error, "error")?, Expecting::Anything, &mut books)
                .await?,
        );
    }
    let errors = publication.sources(|part| part.harvest.error.as_ref());
    if !errors.is_empty() {
        artifacts.push(merge(context, &errors, &place(&target.error, "error")?, ERRORS, &mut books).await?);
    }
    let failed = publication.sources(|part| part.harvest.failed.as_ref());
    if !failed.is_empty() {
        artifacts.push(merge(context, &failed, &place(&target.error, "failed")?, FAILED, &mut books).await?);
    }
    if let Some(missing) = books.missing().first() {
        let reason = format!("line {} of the input has neither output nor error", missing.start());
        return Err(Publish::Conflict(reason));
    }
    let (output, error) = (place(&target.processed, "output")?, place(&target.error, "error")?);
    let results = |lines, what, directory, are_answers| Results { lines, what, directory, are_answers };
    let mut all = Vec::new();
    all.extend(has_output.then(|| results(&output, "output", &target.processed, true)));
    all.extend((!errors.is_empty()).then(|| results(&error, "error", &target.error, false)));
    let beside = beside(context, job, publication, &all).await?;
    artifacts.extend(beside.artifacts);
    let totals = Totals { nonconforming: beside.nonconforming, ..publication.totals() };
    let mut directories = Vec::new();
    directories.extend(has_output.then_some(&target.processed));
    if (has_errors || artifacts.iter().any(|artifact| artifact.location.parent() == target.error))
        && !directories.contains(&&target.error)
    {
        directories.push(&target.error);
    }
    let document = Bytes::from(metadata(job, publication, &totals));
    for directory in &directories {
        artifacts.push(document_at(context, &place(directory, "metadata")?, &document).await?);
    }

    let raw = archive(context, job, publication).await?;
    let document = Bytes::from(manifest(job, publication, &totals, &artifacts, &raw));
    for directory in &directories {
        let at = directory.join(MANIFEST_NAME)?;
        document_at(context, &at, &document).await?;
    }
    Ok((totals, raw))
}

/// Puts the parts' files together under the final name, reads what is there, and enters it into the books. A single file is
/// moved; several are copied in order.
async fn merge(
    context: &Context,
    sources: &[&Artifact],
    to: &Location,
    expecting: Expecting,
    books: &mut Conservation,
) -> Result<Artifact, Publish> {
    let lake = context.lake.as_ref();
    let expected_bytes: u64 = sources.iter().map(|source| source.bytes).sum();
    let lines: u64 = sources.iter().map(|source| source.lines).sum();
    if let [only] = sources {
        let options = RenameOptions { source_if_match: None, destination: Condition::IfAbsent };
        match lake.rename(&only.location, to, options).await {
            Ok(_) => {}
            // Done before, or somebody's: the measure below tells.
            Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::AlreadyExists) => {}
            Err(error) => return Err(error.into()),
        }
    } else if !lake.exists(to).await? {
        let bytes = futures::stream::iter(sources.iter().map(|source| source.location.clone()))
            .then(|at| async move {
                let read = lake.read(&at, ReadOptions::default()).await.map_err(StageError::from)?;
                Ok::<_, StageError>(read.body.map_err(StageError::from))
            })
            .try_flatten();
        match write_results(lake, to, bytes.boxed(), Condition::IfAbsent).await {
            Ok(_) => {}
            Err(error) => return Err(Publish::Failed(error)),
        }
    }
    let mut misfit = None;
    let found = check_file(lake, to, expecting, books, |line, (_, message)| {
        misfit.get_or_insert_with(|| format!("line {line} of {to}: {message}"));
    });
    let found = found.await?;
    if let Some(misfit) = misfit {
        return Err(Publish::Conflict(misfit));
    }
    let same_hash = |found: &Artifact| match sources {
        [only] => found.sha256 == only.sha256,
        _ => true,
    };
    match found {
        Some(found) if found.bytes == expected_bytes && found.lines == lines && same_hash(&found) => {
            Ok(found)
        }
        Some(found) => Err(Publish::Conflict(format!(
            "{to} has {} bytes in {} lines, expected {expected_bytes} in {lines} with the hash that was written",
            found.bytes, found.lines
        ))),
        None => Err(Publish::Conflict(format!("{to} vanished, and so did what it is made from"))),
    }
}

/// Writes a small document, unless it is there already.
async fn document_at(context: &Context, at: &Location, document: &Bytes) -> Result<Artifact, Publish> {
    let lake = context.lake.as_ref();
    let bytes = futures::stream::iter([Ok(document.clone())]);
    let written = match lake.head(at).await {
        Ok(_) => None,
        Err(error) if error.kind == ErrorKind::NotFound => {
            Some(write_results(lake, at, bytes, Condition::IfAbsent).await?)
        }
        Err(error) => return Err(error.into()),
    };
    match (measure(lake, at).await?, written) {
        (Some(found), Some(written)) if found == written => Ok(found),
        (Some(found), None) => Ok(found),
        _ => Err(Publish::Conflict(format!("{at} is not what was written"))),
    }
}

/// Moves the input beside its results: the version that was processed, and no other.
async fn archive(context: &Context, job: &JobRecord, publication: &Publication) -> Result<RawInput, Publish> {
    let lake = context.lake.as_ref();
    let to = publication.raw_directory().join(&publication.target.raw_name())?;
    let options =
        RenameOptions { source_if_match: Some(job.input.etag.clone()), destination: Condition::IfAbsent };
    match lake.rename(&job.input.location, &to, options).await {
        Ok(_) => Ok(RawInput::Archived { location: to }),
        Err(error) => match error.kind {
            ErrorKind::NotFound
            | ErrorKind::Precondition
            | ErrorKind::AlreadyExists
            | ErrorKind::WrongType => {
                match lake.head(&to).await {
                    // A restart: it was moved before. The ETag survives a rename.
                    Ok(entry) if entry.etag == job.input.etag => Ok(RawInput::Archived { location: to }),
                    Ok(_) => Err(Publish::Conflict(format!("{to} is not the input of this job"))),
                    Err(error) if error.kind == ErrorKind::NotFound => Ok(RawInput::Replaced),
                    Err(error) => Err(error.into()),
                }
            }
            _ => Err(error.into()),
        },
    }
}

impl Publication {
    /// Whether anything goes to the error place.
    pub(super) fn has_errors(&self) -> bool {
        self.rejection.is_some() || self.totals().error > 0
    }

    fn sources(&self, of: impl Fn(&PartResult) -> Option<&Artifact>) -> Vec<&Artifact> {
        self.last_attempts().filter_map(of).collect()
    }
}
