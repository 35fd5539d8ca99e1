//! One look at everything of ours that the service has: one listing of the files, one of the batches.

use std::collections::{BTreeMap, HashMap};

use aoai_batch_client::{Batch, BatchApiExt, FileId, PageQuery};
use futures::TryStreamExt;
use tokio::sync::Mutex;

use crate::{
    error::StageResult,
    ledger::JobQuery,
    model::{JobKey, PartKey, Timestamp},
    reconcile::Context,
    submit::tagged,
    upload::find_files,
};

/// The clocks of ledger and service may differ by so much.
const SKEW_MS: i64 = 60 * 60 * 1000;
const PAGE: usize = 100;

/// What the service has of one part attempt.
#[derive(Debug, Clone, Default)]
pub(crate) struct Traces {
    /// Its files, by generation.
    pub(crate) files: Vec<(u32, FileId)>,
    /// Its batches, and their generations where they can be told.
    pub(crate) batches: Vec<(Option<u32>, Batch)>,
}

/// The last look, shared by everybody who needs one that is not older than he can bear.
#[derive(Debug, Default)]
pub(crate) struct Survey(Mutex<Option<Taken>>);

#[derive(Debug)]
struct Taken {
    at: Timestamp,
    parts: BTreeMap<PartKey, Traces>,
}

impl Survey {
    /// The traces of a part, by a look that was taken at `not_before` or later.
    pub(crate) async fn traces(
        &self,
        context: &Context,
        part: &PartKey,
        not_before: Timestamp,
    ) -> StageResult<Traces> {
        let mut last = self.0.lock().await;
        let taken = match last.take().filter(|taken| taken.at >= not_before) {
            Some(taken) => taken,
            None => take(context).await?,
        };
        let traces = taken.parts.get(part).cloned().unwrap_or_default();
        *last = Some(taken);
        Ok(traces)
    }

    /// What the last look saw of a part, however old it is; nothing if there was none.
    pub(crate) async fn remembered(&self, part: &PartKey) -> Traces {
        let last = self.0.lock().await;
        last.as_ref().and_then(|taken| taken.parts.get(part).cloned()).unwrap_or_default()
    }

    /// Looks now.
    pub(crate) async fn refresh(&self, context: &Context) -> StageResult<()> {
        *self.0.lock().await = Some(take(context).await?);
        Ok(())
    }
}

/// The batches of a job, all of them.
pub(crate) async fn batches_of(context: &Context, job: &JobKey) -> StageResult<Vec<Batch>> {
    let taken = take(context).await?;
    let ours = taken.parts.into_iter().filter(|(part, _)| part.job == *job);
    Ok(ours.flat_map(|(_, traces)| traces.batches).map(|(_, batch)| batch).collect())
}

async fn take(context: &Context) -> StageResult<Taken> {
    // Before the listings: what happens while they go on may be missing.
    let at = context.ledger.now().await?;
    let mut parts: BTreeMap<PartKey, Traces> = BTreeMap::new();
    let mut by_file: HashMap<FileId, (PartKey, u32)> = HashMap::new();
    for file in find_files(context, PartKey::SERVICE_PREFIX).await? {
        let Some((part, generation)) = file.filename.as_deref().and_then(PartKey::parse_service_file) else {
            continue;
        };
        by_file.insert(file.id.clone(), (part.clone(), generation));
        parts.entry(part).or_default().files.push((generation, file.id));
    }
    let horizon = oldest(context).await?.0.saturating_sub(SKEW_MS).div_euclid(1000);
    let mut batches = std::pin::pin!(context.service.batches(PageQuery { limit: Some(100), after: None }));
    let (mut seen, mut too_old) = (Vec::new(), 0);
    while let Some(batch) = batches.try_next().await? {
        // Newest first: a whole page of what is too old to be ours is the end.
        too_old = if batch.created_at.is_some_and(|created| created < horizon) { too_old + 1 } else { 0 };
        if too_old >= PAGE {
            break;
        }
        if let Some((part, generation)) = owner(context, &by_file, &batch) {
            parts.entry(part).or_default().batches.push((generation, batch.clone()));
        }
        seen.push(batch);
        if seen.len() == PAGE {
            context.ledger.observe(&seen).await?;
            seen.clear();
        }
    }
    context.ledger.observe(&seen).await?;
    Ok(Taken { at, parts })
}

/// When the oldest of the unfinished jobs was discovered.
async fn oldest(context: &Context) -> StageResult<Timestamp> {
    let unfinished = JobQuery { unfinished: true, ..JobQuery::default() };
    let views = context.ledger.view(&unfinished).await?;
    Ok(views.iter().map(|view| view.job.created_at).min().unwrap_or(Timestamp(0)))
}

/// Whose batch it is: by its input file, by its input blob, or by its metadata.
fn owner(
    context: &Context,
    by_file: &HashMap<FileId, (PartKey, u32)>,
    batch: &Batch,
) -> Option<(PartKey, Option<u32>)> {
    if let Some((part, generation)) = batch.input_file_id.as_ref().and_then(|id| by_file.get(id)) {
        return Some((part.clone(), Some(*generation)));
    }
    let blob = batch.input_blob.as_deref().and_then(|url| {
        let at = context.options.service.transfer.urls()?.locate(url)?;
        context.layout.parse_staged(&at)
    });
    if let Some((part, generation)) = blob {
        return Some((part, Some(generation)));
    }
    tagged(batch)
}
