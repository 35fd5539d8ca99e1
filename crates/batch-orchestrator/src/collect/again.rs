//! What is sent once more: the retry file. It is the durable decision, so it is written once and never changed; whoever comes
//! after, even with other options, goes by what it says.

use adls_io::{Condition, ErrorKind, Location, ReadOptions};
use aoai_batch_client::{JsonLines, LineItem};
use futures::TryStreamExt;

use super::{
    artifact::{Measure, write_results},
    failed::{pick, requests},
    results::{Slot, Slots},
};
use crate::{
    error::{StageError, StageResult},
    model::{PartRecord, Submission, TokenTotals, Unanswered},
    reconcile::Context,
    validate::recount,
};

/// What was decided: the retry file, or why it cannot be.
pub(super) type Decided = Result<Option<Unanswered>, String>;

/// Decides which requests are sent again, and marks them. `Err` where an earlier decision and the results contradict each other.
pub(super) async fn decide(
    context: &Context,
    part: &PartRecord,
    slots: &mut Slots,
    wanted: Vec<bool>,
    submission: Option<&Submission>,
) -> StageResult<Decided> {
    let at = context.layout.harvest(&part.key, "again")?;
    let found = match entry(context, &at).await? {
        Some(_) => true,
        None => {
            let may = part.key.attempt < context.options.attempts.max.max(1) && wanted.contains(&true);
            if !may {
                return Ok(Ok(None));
            }
            // Without the requests nothing can be sent again.
            let Some(body) = requests(context, part, submission).await? else { return Ok(Ok(None)) };
            match write_results(context.lake.as_ref(), &at, pick(body, wanted), Condition::IfAbsent).await {
                Ok(_) => false,
                // Somebody else decided in the meantime.
                Err(error) if entry(context, &at).await?.is_none() => return Err(error),
                Err(_) => true,
            }
        }
    };
    read_back(context, part, slots, &at, found).await
}

async fn entry(context: &Context, at: &Location) -> StageResult<Option<adls_io::Entry>> {
    match context.lake.head(at).await {
        Ok(entry) => Ok(Some(entry)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Reads the file that was decided on: what it holds is sent, nothing else.
async fn read_back(
    context: &Context,
    part: &PartRecord,
    slots: &mut Slots,
    at: &Location,
    found: bool,
) -> StageResult<Decided> {
    let read = context.lake.read(at, ReadOptions::default()).await?;
    let (etag, modified_ms) = (read.entry.etag, read.entry.modified_ms);
    let mut again = Again { part, slots, upload_bytes: 0, tokens: TokenTotals::ZERO, fault: None };
    let (mut body, mut lines, mut measure) = (read.body, JsonLines::new(usize::MAX), Measure::default());
    while let Some(chunk) = body.try_next().await? {
        measure.add(&chunk);
        lines.push(chunk);
        while let Some(item) = lines.next_line() {
            again.take(context, &item);
        }
        // Counting takes its time.
        tokio::task::yield_now().await;
    }
    if let Some(item) = lines.finish() {
        again.take(context, &item);
    }
    let Again { upload_bytes, tokens, fault, .. } = again;
    if let Some(fault) = fault {
        return Ok(Err(format!("{fault} of {at}, which says what is sent again")));
    }
    let requests = measure.finish(at.clone());
    if requests.lines == 0 {
        return Err(StageError::local(
            format!("{at} is empty"),
            Some("somebody changed the work directory; see ARCHITECTURE.md"),
        ));
    }
    Ok(Ok(Some(Unanswered { requests, etag, modified_ms, upload_bytes, tokens, found })))
}

/// The lines of a retry file, as they are read.
struct Again<'a> {
    part: &'a PartRecord,
    slots: &'a mut Slots,
    upload_bytes: u64,
    tokens: TokenTotals,
    fault: Option<String>,
}

impl Again<'_> {
    fn take(&mut self, context: &Context, item: &LineItem) {
        let LineItem::Line(line) = item else { return };
        let named = self.part.whole().plan.named.as_deref();
        let fault = match recount(line, named, context.estimator.as_deref()) {
            Err(error) => format!("line {} is not a request: {error}", line.number),
            Ok(request) => match self.slots.send_again(&request.custom_id) {
                Ok(()) => {
                    self.upload_bytes += request.upload_bytes;
                    self.tokens.add(request.tokens);
                    return;
                }
                Err(Slot::Output { .. }) => {
                    format!(
                        "line {} has custom_id \"{}\", which has a result",
                        line.number, request.custom_id
                    )
                }
                Err(_) => format!(
                    "line {} has custom_id \"{}\", which is unexpected",
                    line.number, request.custom_id
                ),
            },
        };
        self.fault.get_or_insert(fault);
    }
}
