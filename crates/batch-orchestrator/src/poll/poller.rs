//! The list poll.

use std::time::Duration;

use aoai_batch_client::{Batch, BatchApiExt, PageQuery};
use futures::TryStreamExt;

use super::duplicates::Sightings;
use crate::{
    error::PipelineError,
    ledger::{PollRequest, PollTurn, WorkerId},
    model::Timestamp,
    reconcile::{Context, Event, Observer},
};

/// Clocks of service and ledger may differ by so much.
const SKEW: Duration = Duration::from_mins(15);
/// Batches are handed to the ledger in groups of this size.
const GROUP: usize = 100;

/// Lists the batches down to the oldest that runs and tells the ledger, if it is this worker's turn; answers how many
/// parts changed.
pub(crate) async fn poll(
    context: &Context,
    worker: &WorkerId,
    observer: &dyn Observer,
) -> Result<u64, PipelineError> {
    let run = &context.options.run;
    // Long enough that a poller that lives keeps its turn, short enough that a dead one is soon followed.
    let hold = run.lease.max(run.poll_interval.mul_f64(1.5));
    let PollTurn::Granted(in_flight) = context.ledger.poll_turn(&turn(context, worker, hold)).await? else {
        return Ok(0);
    };
    let Some(oldest) = in_flight.oldest else { return Ok(0) };
    let skew = i64::try_from(SKEW.as_millis()).unwrap_or(i64::MAX);
    let horizon = Timestamp(oldest.0.saturating_sub(skew)).seconds();
    let mut batches = std::pin::pin!(context.service.batches(PageQuery { limit: Some(100), after: None }));
    let (mut group, mut changed): (Vec<Batch>, u64) = (Vec::with_capacity(GROUP), 0);
    let mut sightings = Sightings::default();
    while let Some(batch) = batches.try_next().await? {
        // Newest first: beyond the horizon there is nothing of ours. A listing in another order is covered by the
        // parts' own, slower poll.
        if batch.created_at.is_some_and(|created| created < horizon) {
            break;
        }
        observer.event(&Event::Batch(&batch));
        sightings.see(&batch);
        group.push(batch);
        if group.len() == GROUP {
            changed += context.ledger.observe(&group).await?;
            group.clear();
        }
    }
    changed += context.ledger.observe(&group).await?;
    sightings.cancel_surplus(context, observer).await?;
    Ok(changed)
}

/// Lets another worker poll at once.
pub(crate) async fn give_turn_back(context: &Context, worker: &WorkerId) {
    if let Err(error) = context.ledger.poll_turn(&turn(context, worker, Duration::ZERO)).await {
        tracing::debug!(%error, "the turn to poll is not given back");
    }
}

fn turn(context: &Context, worker: &WorkerId, hold: Duration) -> PollRequest {
    PollRequest { worker: worker.clone(), endpoint: context.options.service.name.clone(), hold }
}
