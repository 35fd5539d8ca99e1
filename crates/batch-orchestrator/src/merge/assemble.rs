//! `MERGING`: the members' lines, one after the other, as one file.

use adls_io::{Condition, DataLake, DataLakeExt, ErrorKind, ReadOptions};
use aoai_batch_client::{JsonLines, LineItem};
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt};

use super::{ids::mark, table::write_table};
use crate::{
    collect::write_results,
    error::{StageError, StageResult},
    machine::JobEvent,
    model::{InputSnapshot, JobRecord, Member},
    reconcile::Context,
};

/// Small files that are read at the same time.
const AT_ONCE: usize = 4;

/// Writes the table and the lines of a bundle. A member whose file was replaced since is left out; its own job finds out.
pub(crate) async fn assemble(
    context: &Context,
    job: &JobRecord,
    members: &[Member],
) -> StageResult<JobEvent> {
    write_table(context, job, members).await?;
    let lake = context.lake.as_ref();
    let at = context.layout.bundle_input(&job.key)?;
    let mut first = false;
    let entry = match lake.head(&at).await {
        Ok(entry) => entry,
        Err(error) if error.kind == ErrorKind::NotFound => {
            let files: Vec<_> =
                members.iter().enumerate().map(|(number, member)| lines_of(lake, number, member)).collect();
            let lines = futures::stream::iter(files).buffered(AT_ONCE);
            match write_results(lake, &at, lines.boxed(), Condition::IfAbsent).await {
                Ok(_) => first = true,
                // A worker who is late, or who was here before.
                Err(error) => {
                    if !lake.exists(&at).await? {
                        return Err(error);
                    }
                }
            }
            lake.head(&at).await?
        }
        Err(error) => return Err(error.into()),
    };
    let input =
        InputSnapshot { location: at, etag: entry.etag, size: entry.size, modified_ms: entry.modified_ms };
    Ok(JobEvent::Assembled { input, first })
}

/// The marked lines of a member; none if its file is not the version that was validated any more.
async fn lines_of(lake: &dyn DataLake, number: usize, member: &Member) -> StageResult<Bytes> {
    let options = ReadOptions {
        offset: member.plan.offset,
        length: Some(member.plan.bytes),
        if_match: Some(member.input.etag.clone()),
    };
    let gone = |error: &adls_io::Error| {
        matches!(error.kind, ErrorKind::NotFound | ErrorKind::Precondition | ErrorKind::WrongType)
    };
    let mut body = match lake.read(&member.input.location, options).await {
        Ok(read) => read.body,
        Err(error) if gone(&error) => return Ok(Bytes::new()),
        Err(error) => return Err(error.into()),
    };
    let mut lines = JsonLines::new(usize::MAX);
    let mut out = BytesMut::new();
    let mut put = |item: Option<LineItem>| {
        let Some(LineItem::Line(line)) = item else { return Ok(false) };
        let marked = mark(&line.bytes, number).ok_or_else(|| {
            StageError::local(format!("{} has changed under its version", member.input.location), None)
        })?;
        out.extend_from_slice(&marked);
        out.extend_from_slice(b"\n");
        Ok::<_, StageError>(true)
    };
    loop {
        match body.try_next().await {
            Ok(Some(chunk)) => lines.push(chunk),
            Ok(None) => break,
            Err(error) if gone(&error) => return Ok(Bytes::new()),
            Err(error) => return Err(error.into()),
        }
        while put(lines.next_line())? {}
    }
    put(lines.finish())?;
    Ok(out.freeze())
}
