//! `ENDED`: fetch what the batch produced, whatever its end was, and put it in order.

use adls_io::{Condition, DataLakeExt};
use aoai_batch_client::{Batch, BatchStatus, JsonLines, LineItem};
use futures::TryStreamExt;

use super::{
    again::decide,
    artifact::write_results,
    failed::{failed_requests, synthetic_errors},
    judge::{Judge, RESULTS_SHORT},
    results::{Misfit, Slot, Slots},
    settled::take_settled,
    source::{Kind, Source, Told, told},
    spool::{Spool, SpooledLines},
};
use crate::{
    error::{StageError, StageResult},
    machine::PartEvent,
    model::{Artifact, Harvest, PartFailure, PartRecord, PartResult, ProblemKind, Submission},
    options::OutputOrder,
    poll::unwanted,
    reconcile::Context,
    recover::{ALREADY_PUBLISHED, is_published},
    validate::reindex,
};

/// A result file that is short or cut is fetched again so often before a person is asked.
const FETCHES: u32 = 3;

/// How a part ended, as the state keeps it.
pub(crate) struct Ending<'a> {
    pub(crate) submission: Option<&'a Submission>,
    pub(crate) batch: Option<&'a Batch>,
    pub(crate) failure: Option<&'a PartFailure>,
}

/// Fetches, verifies, orders and stores the results of a part.
pub(crate) async fn harvest(
    context: &Context,
    part: &PartRecord,
    ending: Ending<'_>,
) -> StageResult<PartEvent> {
    let lake = context.lake.as_ref();
    let index = context.layout.index(&part.key.job, part.key.part)?;
    let whole = part.whole();
    if !lake.exists(&index).await? {
        if is_published(context, &part.key.job).await? {
            return Ok(PartEvent::Quarantine { reason: ALREADY_PUBLISHED.into() });
        }
        reindex(context, whole, &index).await?;
    }
    let mut slots = Slots::load(lake, &index, whole.plan.lines).await?;
    let now = context.ledger.now().await?;
    let given_up = ending.failure.is_some_and(PartFailure::is_given_up);
    let is_over = given_up || unwanted(context, part, now).await?.is_some();
    let mut judge = Judge::new(&context.options.attempts, &ending, is_over);
    let spooled = match fetch_all(context, part, &mut slots, &ending, &mut judge).await {
        Ok(spooled) => spooled,
        Err(Fetch::Failed(error)) => return Err(error),
        Err(Fetch::Gone(reason)) if context.options.service.resubmit_forgotten => {
            return Ok(PartEvent::FileUnusable { message: reason });
        }
        Err(Fetch::Broken(reason) | Fetch::Gone(reason)) if part.failures + 1 < FETCHES => {
            return Err(StageError {
                kind: ProblemKind::Service,
                message: reason,
                hint: None,
                lasting: false,
                wait: None,
                ledger_away: false,
            });
        }
        Err(Fetch::Broken(reason) | Fetch::Gone(reason) | Fetch::Foreign(reason)) => {
            return Ok(PartEvent::Quarantine { reason });
        }
    };

    let wanted = match judge.wanted(&slots, whole.plan.first_line) {
        Ok(wanted) => wanted,
        Err(reason) => return Ok(PartEvent::Quarantine { reason }),
    };
    let again = match decide(context, part, &mut slots, wanted, ending.submission).await? {
        Ok(again) => again,
        Err(reason) => return Ok(PartEvent::Quarantine { reason }),
    };
    let output = match ordered_output(context, part, &slots) {
        lines if lines.is_empty() => None,
        lines => Some(store(context, part, "output", spooled.lines(lines)).await?),
    };
    let (mut error, mut failed) = (None, None);
    if slots.has_errors() {
        let errors = synthetic_errors(lake, &index, &slots, &ending, whole.plan.first_line);
        let errors = errors.await?.interleave(slots.slots(), spooled);
        error = Some(store(context, part, "error", errors).await?);
        // The last attempt knows all of them.
        if again.is_none()
            && let Some(requests) = failed_requests(context, part, slots.slots(), ending.submission).await?
        {
            failed = Some(store(context, part, "failed", requests).await?);
        }
    }
    let counted = |artifact: &Option<Artifact>| artifact.as_ref().map_or(0, |a| a.lines);
    let sent_again = again.as_ref().map_or(0, |again| again.requests.lines);
    if counted(&output) + counted(&error) + sent_again != whole.plan.lines {
        let reason = format!(
            "{} output and {} error lines, and {sent_again} that are sent again, do not make the {} lines of the part",
            counted(&output),
            counted(&error),
            whole.plan.lines
        );
        return Ok(PartEvent::Quarantine { reason });
    }
    let harvest = Harvest {
        output,
        error,
        failed,
        again,
        answered: slots.answered,
        prompt_tokens: slots.prompt_tokens,
        cached_tokens: slots.cached_tokens,
        completion_tokens: slots.completion_tokens,
    };
    Ok(PartEvent::Harvested(Box::new(PartResult {
        cost: context.part_cost(&part.plan, &harvest),
        key: part.key.clone(),
        plan: part.plan.clone(),
        deployment: part.deployment.clone(),
        submission: ending.submission.cloned(),
        batch: ending.batch.cloned(),
        failure: ending.failure.cloned(),
        bundle: None,
        harvest,
    })))
}

/// Why a result file could not be taken.
pub(super) enum Fetch {
    /// The call failed; try again.
    Failed(StageError),
    /// It is short or cut; fetch it again, a few times.
    Broken(String),
    /// The service does not have it any more.
    Gone(String),
    /// It holds what does not belong.
    Foreign(String),
}

/// Where result lines go.
struct Into<'a, 'j> {
    slots: &'a mut Slots,
    spool: &'a mut Spool,
    judge: &'a mut Judge<'j>,
    /// Whether lines that do not belong are left out, for a person has said so.
    lenient: bool,
}

async fn fetch_all(
    context: &Context,
    part: &PartRecord,
    slots: &mut Slots,
    ending: &Ending<'_>,
    judge: &mut Judge<'_>,
) -> Result<SpooledLines, Fetch> {
    let mut spool = Spool::new(context.options.run.spool_dir.as_deref());
    if let Some(again) = &part.plan.again {
        take_settled(context, &again.settled, slots, &mut spool).await?;
    }
    let given_up = ending.failure.is_some_and(PartFailure::is_given_up);
    if let Some(batch) = ending.batch {
        let mut lines = 0;
        let counts = &batch.request_counts;
        for (kind, counted) in [(Kind::Output, counts.completed), (Kind::Error, counts.failed)] {
            let mut into =
                Into { slots: &mut *slots, spool: &mut spool, judge: &mut *judge, lenient: given_up };
            let fetched = match result_file(context, part, ending.submission, batch, kind, counted) {
                Ok(Some(source)) => fetch(context, &source, kind, counted, &mut into).await,
                Ok(None) => Ok(0),
                Err(error) => Err(error),
            };
            let fetched = match fetched {
                Err(Fetch::Broken(reason) | Fetch::Gone(reason) | Fetch::Foreign(reason)) if given_up => {
                    tracing::warn!(part = %part.key, reason, "it was given up: what was read of its results is kept");
                    0
                }
                fetched => fetched?,
            };
            if kind == Kind::Output {
                lines = fetched;
            }
        }
        if given_up {
            return spool.finish().await.map_err(Fetch::Failed);
        }
        let completed = batch.request_counts.completed;
        // What is counted was paid for, however the batch has ended: it must not be taken for what was never executed.
        if lines < completed && !judge.takes_short_results() {
            let reason = format!(
                "the service counts {completed} completed lines of batch {}, its output file has {lines}; if that is all there \
                 will ever be, say in retry.verdicts what becomes of the rest (\"{RESULTS_SHORT}\" = \"report\" or \"again\", \
                 which may pay twice), then `aoai-batch retry JOB`",
                batch.id.0
            );
            return Err(Fetch::Broken(reason));
        }
        let names_none = |kind| {
            let told = told(context, part, ending.submission, batch, kind).map_err(Fetch::Failed);
            told.map(|told| matches!(told, Told::NoFile | Told::NoBlob))
        };
        // Counts may be null, which is no count of none.
        let counts_none = batch.request_counts.total == 0;
        if batch.status == BatchStatus::Completed
            && counts_none
            && names_none(Kind::Output)?
            && names_none(Kind::Error)?
        {
            let reason = format!("batch {} is completed, and tells neither results nor how many", batch.id.0);
            return Err(Fetch::Broken(reason));
        }
    }
    spool.finish().await.map_err(Fetch::Failed)
}

/// Where a result file is; `None` if the batch has none and its counts agree.
fn result_file(
    context: &Context,
    part: &PartRecord,
    submission: Option<&Submission>,
    batch: &Batch,
    kind: Kind,
    counted: u64,
) -> Result<Option<Source>, Fetch> {
    match told(context, part, submission, batch, kind).map_err(Fetch::Failed)? {
        Told::At(source) => Ok(Some(source)),
        Told::Foreign(reason) => Err(Fetch::Foreign(reason)),
        Told::NoBlob if counted > 0 => Err(Fetch::Broken(format!(
            "batch {} counts {counted} {kind} lines and names no blob",
            batch.id.0
        ))),
        // Of an output file that is not named, the count of its lines tells.
        Told::NoFile | Told::NoBlob => Ok(None),
    }
}

/// Fetches one result file into the spool; answers with the number of its lines.
async fn fetch(
    context: &Context,
    source: &Source,
    kind: Kind,
    counted: u64,
    into: &mut Into<'_, '_>,
) -> Result<u64, Fetch> {
    let Some(mut body) = source.open(context).await.map_err(Fetch::Failed)? else {
        return match source {
            // Captured traffic shows ids of error files that were never written.
            Source::File(_) if kind == Kind::Error => Ok(0),
            Source::File(id) => {
                Err(Fetch::Gone(format!("the service does not have the {kind} file {} any more", id.0)))
            }
            // A batch names both blobs, whether or not it wrote them.
            Source::Blob(_) if counted == 0 => Ok(0),
            Source::Blob(at) => {
                Err(Fetch::Broken(format!("the service counts {counted} {kind} lines, but there is no {at}")))
            }
        };
    };
    let mut lines = JsonLines::new(usize::MAX);
    let mut count = 0;
    while let Some(chunk) = body.try_next().await.map_err(Fetch::Failed)? {
        lines.push(chunk);
        while let Some(item) = lines.next_line() {
            count += take(&item, source, kind, into).await?;
        }
    }
    if let Some(item) = lines.finish() {
        count += take(&item, source, kind, into).await?;
    }
    Ok(count)
}

async fn take(item: &LineItem, source: &Source, kind: Kind, into: &mut Into<'_, '_>) -> Result<u64, Fetch> {
    let LineItem::Line(line) = item else { return Ok(0) };
    if line.bytes.is_empty() {
        return Ok(0);
    }
    let place = format!("line {} of the {kind} file {source}", line.number);
    let taken =
        into.slots.take(&line.bytes, into.spool.position(), into.judge).map_err(|misfit| match misfit {
            Misfit::Unreadable(error) => Fetch::Broken(format!("{place} is not a result line: {error}")),
            Misfit::Unknown(id) => {
                Fetch::Foreign(format!("{place} has custom_id \"{id}\", which was never sent"))
            }
            Misfit::Duplicate(id) => {
                Fetch::Foreign(format!("{place} is a second result for custom_id \"{id}\""))
            }
        });
    match taken {
        Ok(()) => {}
        Err(Fetch::Broken(reason) | Fetch::Foreign(reason)) if into.lenient => {
            tracing::warn!(reason, "left out");
            return Ok(0);
        }
        Err(misfit) => return Err(misfit),
    }
    into.spool.push(&line.bytes).await.map_err(Fetch::Failed)?;
    Ok(1)
}

fn ordered_output(context: &Context, part: &PartRecord, slots: &Slots) -> Vec<Slot> {
    let all = slots.slots();
    match context.options.output.order {
        // The results of a bundle are dealt out to one member after the other.
        _ if part.whole().input.is_bundle() => succeeded(all),
        OutputOrder::Input => succeeded(all),
        OutputOrder::Service => slots.service_order.iter().map(|&position| all[position as usize]).collect(),
    }
}

fn succeeded(slots: &[Slot]) -> Vec<Slot> {
    slots.iter().filter(|slot| matches!(slot, Slot::Output { .. })).copied().collect()
}

async fn store(
    context: &Context,
    part: &PartRecord,
    what: &str,
    lines: impl futures::Stream<Item = StageResult<bytes::Bytes>> + Send,
) -> StageResult<Artifact> {
    let at = context.layout.harvest(&part.key, what)?;
    write_results(context.lake.as_ref(), &at, lines, Condition::Always).await
}
