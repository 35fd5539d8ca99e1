//! The index of a part, once more: where somebody lost the work directory while a batch was running.

use std::borrow::Cow;

use adls_io::{Condition, ErrorKind, Location, ReadOptions};
use aoai_batch_client::{JsonLines, Line, LineItem};
use bytes::BytesMut;
use futures::TryStreamExt;
use serde::Deserialize;

use super::IndexLine;
use crate::{
    error::{StageError, StageResult},
    model::Whole,
    reconcile::Context,
};

/// Index lines are handed over in blocks of this size.
const BLOCK: usize = 256 << 10;

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    custom_id: Cow<'a, str>,
}

/// Writes the index of a part from the input, at the version that was validated. Nothing is validated again: what was
/// sent was valid.
pub(crate) async fn reindex(context: &Context, part: Whole<'_>, index: &Location) -> StageResult<()> {
    tracing::warn!(%index, "a work file is gone; it is made again from the input");
    let plan = &part.plan;
    let options = ReadOptions {
        offset: plan.offset,
        length: Some(plan.bytes),
        if_match: Some(part.input.etag.clone()),
    };
    let mut body = context.lake.read(&part.input.location, options).await?.body;
    let mut writer = context.lake.create(index).await?;
    let mut lines = JsonLines::new(usize::MAX);
    let mut block = BytesMut::new();
    while let Some(chunk) = body.try_next().await? {
        lines.push(chunk);
        while let Some(LineItem::Line(line)) = lines.next_line() {
            put(&mut block, part, &line)?;
        }
        if block.len() >= BLOCK {
            writer.write(block.split().freeze()).await?;
        }
    }
    if let Some(LineItem::Line(line)) = lines.finish() {
        put(&mut block, part, &line)?;
    }
    writer.write(block.freeze()).await?;
    match writer.commit(Condition::IfAbsent).await {
        // Somebody else did the same.
        Err(error) if error.kind == ErrorKind::AlreadyExists => Ok(()),
        other => Ok(other.map(drop)?),
    }
}

fn put(block: &mut BytesMut, part: Whole<'_>, line: &Line) -> StageResult<()> {
    let wrong = |error: serde_json::Error| {
        let number = part.plan.first_line + line.number - 1;
        StageError::local(format!("line {number} of {} has no custom_id: {error}", part.input.location), None)
    };
    let request: Request<'_> = serde_json::from_slice(&line.bytes).map_err(wrong)?;
    let entry = IndexLine {
        offset: part.plan.offset + line.offset,
        length: line.bytes.len() as u64,
        id: request.custom_id,
    };
    block.extend_from_slice(&serde_json::to_vec(&entry).map_err(wrong)?);
    block.extend_from_slice(b"\n");
    Ok(())
}
