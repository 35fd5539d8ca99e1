//! Files and batches at an endpoint.

use std::collections::HashMap;

use aoai_batch_client::{Batch, BatchApiExt, ErrorKind, FileId, FileObject, FileQuery, PageQuery};
use futures::TryStreamExt;

use super::{GRACE, Garbage, Jobs, Thing, judge};
use crate::{
    error::{PipelineError, StageResult},
    model::{JobKey, PartKey, Timestamp},
    reconcile::Context,
    submit::{ledger_of, tagged},
};

/// Lists what is ours.
pub(super) async fn found(context: &Context, endpoint: &str) -> StageResult<Vec<Garbage>> {
    let now = context.ledger.now().await?;
    let grace = GRACE.max(context.options.run.list_settle.saturating_mul(2));
    let mut files: HashMap<FileId, FileObject> = HashMap::new();
    let mut listed = std::pin::pin!(context.service.files(FileQuery::default()));
    while let Some(file) = listed.try_next().await? {
        files.insert(file.id.clone(), file);
    }
    let (mut jobs, mut found) = (Jobs::new(context), Vec::new());
    let mut add = |thing, job: &JobKey, known, created_at: Option<i64>| {
        let created_at = created_at.map(|at| Timestamp(at.saturating_mul(1000)));
        let fate = judge(known, created_at, now, grace);
        found.push(Garbage { place: endpoint.to_owned(), thing, job: Some(job.clone()), fate });
    };
    for file in files.values() {
        let named =
            file.filename.as_deref().and_then(|name| Some((PartKey::parse_service_file(name)?, name)));
        let Some(((part, _), name)) = named else { continue };
        let thing = Thing::Input { id: file.id.clone(), name: name.to_owned() };
        add(thing, &part.job, jobs.of(&part.job).await?, file.created_at);
    }
    let mut batches = std::pin::pin!(context.service.batches(PageQuery { limit: Some(100), after: None }));
    while let Some(batch) = batches.try_next().await? {
        let Some(job) = owner(&files, &batch) else { continue };
        if ledger_of(&batch).is_some_and(|ledger| ledger != context.ledger.id()) {
            continue;
        }
        let known = jobs.of(&job).await?;
        if !batch.status.is_terminal() {
            add(Thing::Batch { id: batch.id.clone() }, &job, known, batch.created_at);
        }
        // Captured traffic shows ids of files that were never written: only what is listed is there.
        for id in batch.output_file_id.iter().chain(&batch.error_file_id) {
            if let Some(file) = files.get(id) {
                let thing = Thing::Results { id: id.clone(), batch: batch.id.clone() };
                add(thing, &job, known, file.created_at);
            }
        }
    }
    // A batch before what it reads, so that nothing is taken from under it.
    found.sort_by_key(|garbage| {
        let (rank, id) = match &garbage.thing {
            Thing::Batch { id } => (0, id.0.clone()),
            Thing::Input { name, .. } => (1, name.clone()),
            Thing::Results { id, .. } => (2, id.0.clone()),
            Thing::Work { at } | Thing::Unfinished { at } => (3, at.to_string()),
        };
        (rank, garbage.job.clone(), id)
    });
    Ok(found)
}

/// Whose batch it is: by the name of what it reads, or by its metadata.
fn owner(files: &HashMap<FileId, FileObject>, batch: &Batch) -> Option<JobKey> {
    let input = batch.input_file_id.as_ref().and_then(|id| files.get(id));
    let named = input.and_then(|file| PartKey::parse_service_file(file.filename.as_deref()?));
    named.map(|(part, _)| part.job).or_else(|| tagged(batch).map(|(part, _)| part.job))
}

/// Whether there was something to remove.
pub(super) async fn remove(context: &Context, thing: &Thing) -> Result<bool, PipelineError> {
    match thing {
        Thing::Input { id, .. } | Thing::Results { id, .. } => {
            context.service.delete_file(id).await?;
            Ok(true)
        }
        Thing::Batch { id } => match context.service.cancel_batch(id).await {
            Ok(_) => Ok(true),
            // It has ended in this very moment.
            Err(error) if matches!(error.kind(), ErrorKind::Rejected | ErrorKind::NotFound) => Ok(true),
            Err(error) => Err(error.into()),
        },
        Thing::Work { .. } | Thing::Unfinished { .. } => Ok(false),
    }
}
