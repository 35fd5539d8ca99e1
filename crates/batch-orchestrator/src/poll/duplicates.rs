//! Two running batches of one part attempt: what the fence could not prevent, if the service's lists lag for longer than it
//! was waited for. The one that the ledger does not know is cancelled, which bounds what it can cost.

use std::collections::BTreeMap;

use aoai_batch_client::{Batch, BatchId};

use crate::{
    error::{PipelineError, chain},
    ledger::JobQuery,
    model::{PartKey, PartState},
    reconcile::{Context, Event, Observer},
    submit::tagged,
};

/// Collects what one listing shows.
#[derive(Debug, Default)]
pub(super) struct Sightings(BTreeMap<PartKey, Vec<BatchId>>);

impl Sightings {
    /// Takes note of a batch that runs and carries our metadata.
    pub(super) fn see(&mut self, batch: &Batch) {
        if !batch.status.is_terminal()
            && let Some((part, _)) = tagged(batch)
        {
            self.0.entry(part).or_default().push(batch.id.clone());
        }
    }

    /// Cancels what is surplus, and says so loudly.
    pub(super) async fn cancel_surplus(
        self,
        context: &Context,
        observer: &dyn Observer,
    ) -> Result<(), PipelineError> {
        for (key, batches) in self.0.into_iter().filter(|(_, batches)| batches.len() > 1) {
            let query = JobQuery { key: Some(key.job.0.clone()), ..JobQuery::default() };
            let views = context.ledger.view(&query).await?;
            let part = views.iter().flat_map(|view| &view.parts).find(|part| part.key == key);
            // Only beside one that the ledger holds to be the right one.
            let Some(PartState::Submitted { batch_id, .. }) = part.map(|part| &part.state) else { continue };
            if !batches.contains(batch_id) {
                continue;
            }
            for surplus in batches.iter().filter(|batch| *batch != batch_id) {
                tracing::error!(part = %key, batch = %surplus.0, kept = %batch_id.0, "two batches of one part run");
                let message = match context.service.cancel_batch(surplus).await {
                    Ok(_) => format!("part {key} had a second batch, {}; it is being cancelled", surplus.0),
                    Err(error) => format!(
                        "part {key} has a second batch, {}, which cannot be cancelled: {}",
                        surplus.0,
                        chain(&error)
                    ),
                };
                observer.event(&Event::Trouble { what: "keep to one batch", message });
            }
        }
        Ok(())
    }
}
