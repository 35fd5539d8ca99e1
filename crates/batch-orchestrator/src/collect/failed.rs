//! Requests without a successful answer: their error lines, and the request lines ready to be resubmitted.

use std::collections::BTreeMap;

use adls_io::{DataLake, ErrorKind as LakeErrorKind, Location, ReadOptions};
use aoai_batch_client::{BatchStatus, JsonLines, LineItem};
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt, TryStreamExt, stream::BoxStream};

use super::{
    harvest::Ending,
    results::{Slot, Slots, for_each_index_line},
    source::Source,
    spool::SpooledLines,
};
use crate::{
    error::StageResult,
    machine::NOT_EXECUTED,
    model::{PartRecord, Submission},
    reconcile::Context,
};

const BLOCK: usize = 512 << 10;

/// Error lines for the requests that the service said nothing about, by position.
pub(crate) struct SyntheticErrors(BTreeMap<usize, Bytes>);

/// Makes an error line for every request without a result, in the shape of the service's own.
pub(crate) async fn synthetic_errors(
    lake: &dyn DataLake,
    index: &Location,
    slots: &Slots,
    ending: &Ending<'_>,
    first_line: u64,
) -> StageResult<SyntheticErrors> {
    let (mut lines, mut sent) = (BTreeMap::new(), 0);
    if slots.slots().contains(&Slot::Missing) {
        for_each_index_line(lake, index, |position, entry| {
            sent += u64::from(!slots.is_settled(position));
            if slots.slots().get(position) == Some(&Slot::Missing) {
                let (code, message) = reason(ending, sent);
                let line = first_line + position as u64;
                let text = serde_json::json!({
                    "custom_id": entry.id, "response": null,
                    "error": { "code": code, "message": message }, "line": line,
                });
                lines.insert(position, Bytes::from(text.to_string()));
            }
        })
        .await?;
    }
    Ok(SyntheticErrors(lines))
}

/// Why a line has no result; counted from 1 in what the attempt has sent.
pub(super) fn reason(ending: &Ending<'_>, line: u64) -> (String, String) {
    if let Some(failure) = ending.failure {
        return (failure.code.clone(), failure.message.clone());
    }
    let Some(batch) = ending.batch else {
        return ("not_submitted".into(), "the line was never submitted".into());
    };
    let of = |line: Option<u64>| batch.errors.iter().find(|error| error.line == line);
    if let Some(error) = of(Some(line)).or_else(|| of(None)) {
        let code = error.code.clone().unwrap_or_else(|| "batch_failed".into());
        return (code, error.message.clone());
    }
    // Refused because of other lines, by name: this one may be fine.
    if let Some(other) = batch.errors.first() {
        let named = other.line.unwrap_or_default();
        let message = format!("the batch was refused because of its line {named}: {}", other.message);
        return (NOT_EXECUTED.into(), message);
    }
    let (code, message) = match batch.status {
        BatchStatus::Expired => ("batch_expired", "the batch expired before this request was executed"),
        BatchStatus::Cancelled => {
            let ours = ending.submission.and_then(|submission| submission.cancelling);
            let message = ours.map(|cancelling| cancelling.reason.message());
            ("batch_cancelled", message.unwrap_or("the batch was cancelled before this request was executed"))
        }
        BatchStatus::Failed => ("batch_failed", "the batch failed and the service did not say why"),
        _ => ("result_missing", "the batch ended without a result for this request"),
    };
    (code.into(), message.into())
}

impl SyntheticErrors {
    /// The error lines of the part in the order of the input: the service's own from the spool, ours in between.
    pub(crate) fn interleave(
        self,
        slots: &[Slot],
        spooled: SpooledLines,
    ) -> impl Stream<Item = StageResult<Bytes>> + Send + use<> {
        // Runs of the service's lines are streamed; ours stand between the runs.
        let mut pieces: Vec<(Vec<Slot>, Option<Bytes>)> = Vec::new();
        let mut run = Vec::new();
        for (position, slot) in slots.iter().enumerate() {
            match slot {
                Slot::Error { .. } => run.push(*slot),
                Slot::Output { .. } | Slot::Again => {}
                Slot::Missing => pieces.push((std::mem::take(&mut run), self.0.get(&position).cloned())),
            }
        }
        pieces.push((run, None));
        futures::stream::iter(pieces).flat_map(move |(run, own)| {
            let own = own.map(|line| Ok(Bytes::from([&line[..], b"\n"].concat())));
            let run = if run.is_empty() { None } else { Some(spooled.lines(run)) };
            futures::stream::iter(run).flatten().chain(futures::stream::iter(own))
        })
    }
}

/// The request lines that failed, as they were sent. `None` if they are gone.
pub(crate) async fn failed_requests(
    context: &Context,
    part: &PartRecord,
    slots: &[Slot],
    submission: Option<&Submission>,
) -> StageResult<Option<BoxStream<'static, StageResult<Bytes>>>> {
    let Some(body) = requests(context, part, submission).await? else { return Ok(None) };
    let failed: Vec<bool> = slots.iter().map(|slot| !matches!(slot, Slot::Output { .. })).collect();
    Ok(Some(pick(body, failed).boxed()))
}

/// All request lines of the part, whichever attempt it is looked at from: from the input, or, if it was replaced, from the
/// copy that the first attempt sent. `None` if both are gone.
pub(super) async fn requests(
    context: &Context,
    part: &PartRecord,
    submission: Option<&Submission>,
) -> StageResult<Option<BoxStream<'static, StageResult<Bytes>>>> {
    let whole = part.whole();
    let options = ReadOptions {
        offset: whole.plan.offset,
        length: Some(whole.plan.bytes),
        if_match: Some(whole.input.etag.clone()),
    };
    match context.lake.read(&whole.input.location, options).await {
        Ok(read) => Ok(Some(read.body.map_err(Into::into).boxed())),
        Err(error) if matches!(error.kind, LakeErrorKind::NotFound | LakeErrorKind::Precondition) => {
            let sent = match &part.plan.again {
                Some(again) => again.sent.as_ref(),
                None => submission.map(|submission| &submission.input),
            };
            match sent {
                Some(sent) => Source::from(sent).open(context).await,
                None => Ok(None),
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// Passes on the lines whose position is marked.
pub(super) fn pick(
    body: BoxStream<'static, StageResult<Bytes>>,
    marked: Vec<bool>,
) -> impl Stream<Item = StageResult<Bytes>> + Send {
    let state = (body, Some(JsonLines::new(usize::MAX)), 0_usize, marked);
    futures::stream::try_unfold(state, |(mut body, lines, mut position, marked)| async move {
        let Some(mut lines) = lines else { return Ok(None) };
        let mut out = BytesMut::new();
        let mut put = |item: &LineItem| {
            if let LineItem::Line(line) = item {
                if marked.get(position).copied().unwrap_or(false) {
                    out.extend_from_slice(&line.bytes);
                    out.extend_from_slice(b"\n");
                }
                position += 1;
            }
        };
        let mut read = 0;
        let mut rest = None;
        while read < BLOCK {
            let Some(chunk) = body.try_next().await? else {
                lines.finish().iter().for_each(&mut put);
                return Ok(Some((out.freeze(), (body, rest, position, marked))));
            };
            read += chunk.len();
            lines.push(chunk);
            while let Some(item) = lines.next_line() {
                put(&item);
            }
        }
        rest.replace(lines);
        Ok(Some((out.freeze(), (body, rest, position, marked))))
    })
}
