//! The stage of `PUBLISHED`.

use aoai_batch_client::FileId;

use crate::{
    error::StageResult,
    machine::JobEvent,
    model::{JobKey, JobRecord, PartFailure, Publication, ServiceInput},
    reconcile::Context,
    recover::batches_of,
    upload::find_files,
};

/// `PUBLISHED`: the results are durable and verified, so the service's copies may go. What the service read and wrote
/// in the lake goes with the work directory.
pub(crate) async fn clean_up(
    context: &Context,
    job: &JobRecord,
    publication: &Publication,
) -> StageResult<JobEvent> {
    // Found published: what it had at the service is not known.
    let lost = publication.parts.is_empty() && publication.plan.is_some();
    let mut must_list = lost;
    if lost {
        for batch in batches_of(context, &job.key).await? {
            for file in batch.output_file_id.iter().chain(&batch.error_file_id) {
                context.service.delete_file(file).await?;
            }
        }
    }
    for part in &publication.parts {
        let mut files: Vec<FileId> = Vec::new();
        if let Some(submission) = &part.submission {
            must_list |= submission.strays.must_list;
            files.extend(submission.input.file().cloned());
            files.extend(submission.strays.inputs.iter().filter_map(ServiceInput::file).cloned());
        }
        // What an earlier generation left is not known any more.
        must_list |= part.failure.as_ref().is_some_and(PartFailure::is_input_replaced);
        if let Some(batch) = &part.batch {
            files.extend(batch.output_file_id.iter().cloned());
            files.extend(batch.error_file_id.iter().cloned());
        }
        for file in files {
            context.service.delete_file(&file).await?;
        }
    }
    if must_list {
        delete_by_name(context, &job.key).await?;
    }
    forget(context, job).await?;
    Ok(JobEvent::CleanedUp)
}

/// A job that came to nothing before a batch was created: whatever files it has at the service may go, then our own
/// traces.
pub(crate) async fn abandon(context: &Context, job: &JobRecord) -> StageResult<()> {
    delete_by_name(context, &job.key).await?;
    forget(context, job).await
}

async fn delete_by_name(context: &Context, key: &JobKey) -> StageResult<()> {
    for stray in find_files(context, &format!("aob-{key}-")).await? {
        context.service.delete_file(&stray.id).await?;
    }
    Ok(())
}

/// Removes the work directory and, last, the claim marker.
pub(crate) async fn forget(context: &Context, job: &JobRecord) -> StageResult<()> {
    context.lake.delete_directory(&context.layout.work(&job.key)?).await?;
    context.lake.delete(&context.layout.claim(&job.input)?, None).await?;
    Ok(())
}
