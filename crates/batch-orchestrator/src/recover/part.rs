//! `RECOVERING`, and parts of which an older ledger does not know that they were sent.

use adls_io::DataLakeExt;
use aoai_batch_client::{Batch, BatchId, ErrorKind};

use super::{
    published::{ALREADY_PUBLISHED, is_published},
    survey::Traces,
};
use crate::{
    error::StageResult,
    machine::PartEvent,
    model::{PartRecord, PartState, ServiceInput, Strays, Submission, Timestamp},
    options::Transfer,
    reconcile::{Context, Pool},
    submit::{is_free, keep_furthest},
};

/// Looks for what was sent of a part whose history is lost. A batch is adopted at once; that there is none counts only
/// when the lists have settled, and then the newest input is taken away before anything new is sent.
pub(crate) async fn recover(
    context: &Context,
    part: &PartRecord,
    since: Timestamp,
    now: Timestamp,
) -> StageResult<PartEvent> {
    let settled = since.after(context.options.run.list_settle);
    let not_before = if now < settled { since } else { settled };
    let (traces, looked_at) = context.survey.traces(context, &part.key, not_before).await?;
    if let Some(event) = adopt(context, part, &traces, &[]).await? {
        return Ok(event);
    }
    let files = traces.files.iter().max_by_key(|(generation, _)| *generation);
    Ok(match files {
        Some((generation, file)) => {
            let input = ServiceInput::File(file.clone());
            PartEvent::InputFound { submission: submission(*generation, input, &traces), looked_at }
        }
        None => match staged(context, part).await? {
            Some((generation, input)) => {
                PartEvent::InputFound { submission: submission(generation, input, &traces), looked_at }
            }
            None => PartEvent::NothingFound { looked_at },
        },
    })
}

/// Whether the service already has a paid batch of a part that was, by the ledger, not submitted yet: then the ledger is
/// older than the world.
pub(crate) async fn already_submitted(
    context: &Context,
    part: &PartRecord,
) -> StageResult<Option<PartEvent>> {
    let traces = context.survey.remembered(&part.key).await;
    if traces.batches.is_empty() {
        return Ok(None);
    }
    let known = match &part.state {
        PartState::Uploading { strays, .. } => strays.failed_batches.as_slice(),
        PartState::Uploaded(submission) => submission.strays.failed_batches.as_slice(),
        _ => &[],
    };
    let adopted = adopt(context, part, &traces, known).await?;
    if adopted.is_some() && is_published(context, &part.key.job).await? {
        return Ok(Some(PartEvent::Quarantine { reason: ALREADY_PUBLISHED.into() }));
    }
    Ok(adopted)
}

/// Whether it was decided what follows an attempt, though by the ledger it was never sent: then the ledger is older than the world,
/// and a batch that is created of it now would be paid for twice. Asked before every intent, and of a lost history.
pub(crate) async fn ended_before(pool: &Pool, part: &PartRecord) -> StageResult<Option<PartEvent>> {
    let context = pool.common();
    let again = context.layout.harvest(&part.key, "again")?;
    if !context.lake.exists(&again).await? {
        return Ok(None);
    }
    if context.options.service.resubmit_forgotten {
        // The decision is about answers that the service has forgotten, and so is what it was sent.
        context.lake.delete(&again, None).await?;
        return Ok(None);
    }
    if context.lake.exists(&context.layout.harvest(&part.key, "output")?).await? {
        let reason = format!(
            "attempt {} had answers before the ledger was lost, but the service lists no batch of it: wait until its lists have \
             settled, then `aoai-batch retry JOB --resolve adopt=BATCH`",
            part.key.attempt
        );
        return Ok(Some(PartEvent::Quarantine { reason }));
    }
    let mut failed = Vec::new();
    for member in pool.endpoints() {
        let traces = member.context.survey.remembered(&part.key).await;
        failed.extend(traces.batches.into_iter().map(|(_, batch)| batch).filter(is_free));
    }
    let batch = failed.into_iter().max_by_key(|batch| batch.created_at).map(Box::new);
    Ok(Some(PartEvent::EndedBefore { batch }))
}

/// Adopts the batch that is furthest. The look may be old, so each is asked for anew.
async fn adopt(
    context: &Context,
    part: &PartRecord,
    traces: &Traces,
    known: &[BatchId],
) -> StageResult<Option<PartEvent>> {
    let mut paid: Vec<Batch> = Vec::new();
    for (_, batch) in traces.batches.iter().filter(|(_, batch)| !known.contains(&batch.id)) {
        match context.service.get_batch(&batch.id).await {
            Ok(batch) if is_free(&batch) => {}
            Ok(batch) => paid.push(batch),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    let Some(kept) = keep_furthest(context, paid).await? else { return Ok(None) };
    let generation = traces.batches.iter().find(|(_, batch)| batch.id == kept.id).and_then(|(g, _)| *g);
    let generation = generation.unwrap_or(1);
    let input = match (&kept.input_file_id, &kept.input_blob) {
        (Some(file), _) if !file.0.is_empty() => ServiceInput::File(file.clone()),
        (_, Some(_)) => ServiceInput::Blob { at: context.layout.staged(&part.key, generation)? },
        _ => {
            let reason =
                format!("batch {} is of this part by its metadata, but does not say what it read", kept.id.0);
            return Ok(Some(PartEvent::Quarantine { reason }));
        }
    };
    let submission = submission(generation, input, traces);
    Ok(Some(PartEvent::Adopted { submission, batch_id: kept.id }))
}

fn submission(generation: u32, input: ServiceInput, traces: &Traces) -> Submission {
    let others = traces.files.iter().map(|(_, file)| ServiceInput::File(file.clone()));
    let strays = Strays {
        inputs: others.filter(|other| *other != input).collect(),
        must_list: true,
        ..Strays::default()
    };
    Submission::new(generation, input, strays)
}

/// The newest copy in the lake that a batch may read.
async fn staged(context: &Context, part: &PartRecord) -> StageResult<Option<(u32, ServiceInput)>> {
    if !matches!(context.options.service.transfer, Transfer::Blob { .. }) {
        return Ok(None);
    }
    let mut newest = None;
    for generation in 1.. {
        let at = context.layout.staged(&part.key, generation)?;
        if !context.lake.exists(&at).await? {
            // A generation may have come to nothing; a later one may stand all the same.
            if generation > context.timing().max_generations {
                break;
            }
            continue;
        }
        newest = Some((generation, ServiceInput::Blob { at }));
    }
    Ok(newest)
}
