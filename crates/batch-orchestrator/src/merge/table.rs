//! The table of a bundle: who its members are. Written before its lines, so no line is nobody's.

use adls_io::{Condition, DataLakeExt, ErrorKind, Location};
use bytes::Bytes;

use crate::{
    error::{StageError, StageResult},
    model::{JobKey, JobRecord, Member, Timestamp},
    reconcile::Context,
};

const FORMAT: u32 = 1;
/// A member takes some 500 bytes.
const MAX_BYTES: u64 = 64 << 20;

/// The members of a bundle, by their numbers.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Table {
    format: u32,
    /// Whose bundle it is.
    pub(super) ledger: String,
    /// Its job.
    pub(super) bundle: JobKey,
    /// When it was decided on.
    pub(super) since: Timestamp,
    pub(super) members: Vec<Member>,
}

/// Writes the table, unless it is there: it is the same every time.
pub(super) async fn write_table(context: &Context, job: &JobRecord, members: &[Member]) -> StageResult<()> {
    let table = Table {
        format: FORMAT,
        ledger: context.ledger.id().to_owned(),
        bundle: job.key.clone(),
        since: job.created_at,
        members: members.to_vec(),
    };
    let json = serde_json::to_vec(&table).map_err(|error| StageError::local(error.to_string(), None))?;
    let at = context.layout.bundle_table(&job.key)?;
    match context.lake.write_all(&at, Bytes::from(json), Condition::IfAbsent).await {
        Ok(_) => Ok(()),
        Err(error) if error.kind == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The table of a bundle; `None` if it is gone, or was never written.
pub(super) async fn read_table(context: &Context, bundle: &JobKey) -> StageResult<Option<Table>> {
    let at = context.layout.bundle_table(bundle)?;
    let bytes = match context.lake.read_all(&at, MAX_BYTES).await {
        Ok(bytes) => bytes,
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let table: Table = serde_json::from_slice(&bytes).map_err(|error| unreadable(&at, &error.to_string()))?;
    if table.format > FORMAT || table.bundle != *bundle {
        return Err(unreadable(&at, "it is of another version or of another bundle"));
    }
    Ok(Some(table))
}

/// The members of a bundle.
pub(crate) async fn members_of(context: &Context, bundle: &JobKey) -> StageResult<Vec<Member>> {
    Ok(read_table(context, bundle).await?.map(|table| table.members).unwrap_or_default())
}

fn unreadable(at: &Location, why: &str) -> StageError {
    StageError::local(
        format!("{at} is not a table of a bundle that this version can read: {why}"),
        Some("use the version of aoai-batch that wrote it; nothing is sent meanwhile"),
    )
}
