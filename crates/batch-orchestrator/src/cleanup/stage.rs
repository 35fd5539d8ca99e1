//! The stage of `PUBLISHED`.

use aoai_batch_client::{BatchApi, FileId};

use crate::{
    error::StageResult,
    machine::JobEvent,
    merge::{leave, members_pending},
    model::{JobKey, JobRecord, PartFailure, Publication, ServiceInput, Timestamp},
    reconcile::{Context, Pool},
    recover::batches_of,
    upload::find_files,
};

/// `PUBLISHED`: the results are durable and verified, so the service's copies may go. What the service read and wrote
/// in the lake goes with the work directory.
pub(crate) async fn clean_up(
    pool: &Pool,
    job: &JobRecord,
    publication: &Publication,
    now: Timestamp,
) -> StageResult<JobEvent> {
    if job.is_bundle() && members_pending(pool.common(), &job.key).await? {
        return Ok(JobEvent::MembersPending);
    }
    // A file that was refused is over before the list shows what was sent of it while it was read.
    let settled = publication.planned_at.after(pool.common().options.run.list_settle);
    if publication.must_list && now < settled {
        return Ok(JobEvent::ListsPending { until: settled });
    }
    // Found published: what it had at the service is not known.
    let lost = publication.parts.is_empty() && publication.plan.is_some();
    let mut must_list = lost || publication.must_list;
    if lost {
        for member in pool.endpoints() {
            for batch in batches_of(&member.context, &job.key).await? {
                for file in batch.output_file_id.iter().chain(&batch.error_file_id) {
                    member.context.service.delete_file(file).await?;
                }
            }
        }
    }
    // What was sent in a bundle is the bundle's.
    for part in publication.parts.iter().filter(|part| part.bundle.is_none()) {
        let mut files: Vec<FileId> = Vec::new();
        if let Some(submission) = &part.submission {
            must_list |= submission.strays.must_list;
            files.extend(submission.input.file().cloned());
            files.extend(submission.strays.inputs.iter().filter_map(ServiceInput::file).cloned());
        }
        // What an earlier generation left is not known any more.
        must_list |= part.failure.as_ref().is_some_and(PartFailure::is_input_replaced);
        // Refused at the upload: an answer that was lost before it may have left a file.
        must_list |= part.submission.is_none();
        if let Some(batch) = &part.batch {
            files.extend(batch.output_file_id.iter().cloned());
            files.extend(batch.error_file_id.iter().cloned());
        }
        let service: &dyn BatchApi = pool.of(part.deployment.as_ref())?.context.service.as_ref();
        for file in files {
            service.delete_file(&file).await?;
        }
    }
    if must_list {
        delete_by_name(pool, &job.key).await?;
    }
    if job.is_bundle() {
        // The plan first: what is left then says that everything was delivered.
        pool.common().lake.delete_directory(&pool.common().layout.work(&job.key)?).await?;
        leave(pool.common(), job).await?;
    } else {
        forget(pool.common(), job).await?;
    }
    Ok(JobEvent::CleanedUp)
}

/// A job that came to nothing before a batch was created: whatever files it has at the service may go, then our own
/// traces.
pub(crate) async fn abandon(pool: &Pool, job: &JobRecord) -> StageResult<()> {
    delete_by_name(pool, &job.key).await?;
    forget(pool.common(), job).await
}

async fn delete_by_name(pool: &Pool, key: &JobKey) -> StageResult<()> {
    for member in pool.endpoints() {
        for stray in find_files(&member.context, &format!("aob-{key}-")).await? {
            member.context.service.delete_file(&stray.id).await?;
        }
    }
    Ok(())
}

/// Removes the work directory and, last, the claim marker, or what a bundle has instead.
pub(crate) async fn forget(context: &Context, job: &JobRecord) -> StageResult<()> {
    context.lake.delete_directory(&context.layout.work(&job.key)?).await?;
    if job.is_bundle() {
        context.lake.delete_directory(&context.layout.bundle(&job.key)?).await?;
    } else {
        context.lake.delete(&context.layout.claim(&job.input)?, None).await?;
    }
    Ok(())
}
