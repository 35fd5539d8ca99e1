//! `SEEN`: the claim marker in the lake says which ledger works on an input.

use std::collections::BTreeMap;

use adls_io::{
    Condition, DataLake, DataLakeExt, ETag, EntryKind, ErrorKind, ListMode, Location, ReadOptions,
};
use bytes::Bytes;
use futures::TryStreamExt;

use crate::{
    cleanup::abandon,
    error::{StageError, StageResult},
    machine::JobEvent,
    model::{InputSnapshot, JobKey, JobRecord, Timestamp},
    reconcile::{Context, Pool},
    recover::{published, read_decision},
};

/// A marker is small; anything larger is none of ours.
const MAX_MARKER: u64 = 64 << 10;
const FORMAT: u32 = 1;

/// Who works on an input version, as which job.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Marker {
    format: u32,
    /// The ledger.
    pub(crate) ledger: String,
    /// The job: of an input that was put back, the key is not the marker's name.
    pub(crate) job: JobKey,
    /// The input version.
    pub(crate) input: InputSnapshot,
    /// When the job was discovered: no batch of it is older.
    pub(crate) since: Timestamp,
}

/// Takes the claim marker; two ledgers on one lake never run the same input. There is one for each input version, however
/// often that is processed.
pub(crate) async fn claim(pool: &Pool, job: &JobRecord, now: Timestamp) -> StageResult<JobEvent> {
    let context = pool.common();
    let gone = match context.lake.head(&job.input.location).await {
        Ok(entry) if entry.etag == job.input.etag => None,
        Ok(_) => Some("the file was changed"),
        Err(error) if error.kind == ErrorKind::NotFound => Some("the file is gone"),
        Err(error) => return Err(error.into()),
    };
    let at = context.layout.claim(&job.input)?;
    let marker = Marker {
        format: FORMAT,
        ledger: context.ledger.id().to_owned(),
        job: job.key.clone(),
        input: job.input.clone(),
        since: job.created_at,
    };
    let found = match gone {
        None => match write(context, &at, &marker, Condition::IfAbsent).await? {
            Written::Done => return Ok(JobEvent::Claimed { first: true }),
            Written::Refused => read_marker(context, &at).await?,
        },
        Some(_) => read_marker(context, &at).await?,
    };
    let gone = gone.map(|reason| JobEvent::InputGone { reason: reason.to_owned() });
    match found {
        Some((found, _)) if context.is_ours_or_adopted(&found.ledger) && found.job != marker.job => {
            let reason = format!("this version of the file is job {} already", found.job);
            Ok(JobEvent::InputGone { reason })
        }
        Some((found, etag)) if context.is_ours_or_adopted(&found.ledger) => {
            let taken_over = Marker { ledger: marker.ledger, ..found.clone() };
            if found.ledger != taken_over.ledger
                && let Written::Refused = write(context, &at, &taken_over, Condition::IfMatch(etag)).await?
            {
                return Err(StageError::local(format!("{at} was changed while it was taken over"), None));
            }
            resume(pool, job, gone, now).await
        }
        Some((found, _)) => Ok(gone.unwrap_or(JobEvent::ClaimedElsewhere { owner: found.ledger })),
        None => gone.map_or_else(|| Err(StageError::local(format!("{at} comes and goes"), None)), Ok),
    }
}

/// The marker was ours before: a restart between the marker and the commit, or a history that this ledger does not know.
async fn resume(
    pool: &Pool,
    job: &JobRecord,
    gone: Option<JobEvent>,
    now: Timestamp,
) -> StageResult<JobEvent> {
    let context = pool.common();
    match (read_decision(context, &job.key).await?, gone) {
        (Some(decision), _) => published(context, &job.key, decision, now).await,
        (None, None) => Ok(JobEvent::Claimed { first: false }),
        (None, Some(gone)) => {
            // It may have been sent while it was validated.
            abandon(pool, job).await?;
            Ok(gone)
        }
    }
}

enum Written {
    Done,
    /// Something else is there.
    Refused,
}

async fn write(
    context: &Context,
    at: &Location,
    marker: &Marker,
    condition: Condition,
) -> StageResult<Written> {
    let json = serde_json::to_vec(marker).map_err(|error| StageError::local(error.to_string(), None))?;
    match context.lake.write_all(at, Bytes::from(json), condition).await {
        Ok(_) => Ok(Written::Done),
        Err(error)
            if matches!(
                error.kind,
                ErrorKind::AlreadyExists | ErrorKind::Precondition | ErrorKind::NotFound
            ) =>
        {
            Ok(Written::Refused)
        }
        Err(error) => Err(error.into()),
    }
}

/// The claim markers that are there, by the key of the input version's first job.
pub(crate) type Markers = BTreeMap<JobKey, Location>;

/// Lists the claim markers in their directory.
pub(crate) async fn claim_markers(
    lake: &dyn DataLake,
    directory: &Location,
) -> Result<Markers, adls_io::Error> {
    let mut entries = lake.list_if_there(directory, ListMode::Shallow);
    let mut markers = Markers::new();
    while let Some(entry) = entries.try_next().await? {
        if entry.kind == EntryKind::File {
            let name = entry.location.path.file_name().trim_end_matches(".json");
            markers.insert(JobKey(name.to_owned()), entry.location.clone());
        }
    }
    Ok(markers)
}

/// Reads a claim marker and its version; `None` if there is none.
pub(crate) async fn read_marker(context: &Context, at: &Location) -> StageResult<Option<(Marker, ETag)>> {
    let read = match context.lake.read(at, ReadOptions::default()).await {
        Ok(read) => read,
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let etag = read.entry.etag.clone();
    if read.entry.size > MAX_MARKER {
        return Err(not_a_marker(at, "it is too large"));
    }
    let bytes = read.body.try_fold(Vec::new(), |mut bytes, block| async move {
        bytes.extend_from_slice(&block);
        Ok(bytes)
    });
    let marker: Marker =
        serde_json::from_slice(&bytes.await?).map_err(|error| not_a_marker(at, &error.to_string()))?;
    if marker.format > FORMAT {
        return Err(not_a_marker(at, "a newer version of aoai-batch wrote it"));
    }
    Ok(Some((marker, etag)))
}

fn not_a_marker(at: &Location, why: &str) -> StageError {
    StageError::local(
        format!("{at} is not a claim marker: {why}"),
        Some("look at it; once it is removed, the input is taken as if it was new"),
    )
}
