//! `SEEN`: the claim marker in the lake says which ledger works on an input.

use adls_io::{Condition, DataLakeExt, ErrorKind};
use bytes::Bytes;

use crate::{
    error::{StageError, StageResult},
    machine::JobEvent,
    model::JobRecord,
    reconcile::Context,
};

/// A marker is small; anything larger is none of ours.
const MAX_MARKER: u64 = 64 << 10;

#[derive(serde::Serialize, serde::Deserialize)]
struct Marker {
    format: u32,
    ledger: String,
    input: String,
}

/// Takes the claim marker; two ledgers on one lake never run the same input.
pub(crate) async fn claim(context: &Context, job: &JobRecord) -> StageResult<JobEvent> {
    let lake = context.lake.as_ref();
    match lake.head(&job.input.location).await {
        Ok(entry) if entry.etag == job.input.etag => {}
        Ok(_) => return Ok(JobEvent::InputGone { reason: "the file was changed".into() }),
        Err(error) if error.kind == ErrorKind::NotFound => {
            return Ok(JobEvent::InputGone { reason: "the file is gone".into() });
        }
        Err(error) => return Err(error.into()),
    }
    let at = context.layout.claim(&job.key)?;
    let marker =
        Marker { format: 1, ledger: context.ledger.id().to_owned(), input: job.input.location.to_string() };
    let json = serde_json::to_vec(&marker).map_err(|error| StageError::local(error.to_string(), None))?;
    match lake.write_all(&at, Bytes::from(json), Condition::IfAbsent).await {
        Ok(_) => return Ok(JobEvent::Claimed),
        Err(error) if error.kind == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.into()),
    }
    let found = lake.read_all(&at, MAX_MARKER).await?;
    let owner = serde_json::from_slice::<Marker>(&found)
        .map_err(|error| StageError::local(format!("{at} is not a claim marker: {error}"), None))?
        .ledger;
    // Ours: a restart between the marker and the commit.
    if owner == marker.ledger { Ok(JobEvent::Claimed) } else { Ok(JobEvent::ClaimedElsewhere { owner }) }
}
