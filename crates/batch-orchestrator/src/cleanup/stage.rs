//! The stage of `PUBLISHED`.

use aoai_batch_client::FileId;

use crate::{
    error::StageResult,
    machine::JobEvent,
    model::{JobKey, Publication},
    reconcile::Context,
    upload::find_files,
};

/// `PUBLISHED`: the results are durable and verified, so the service's copies may go.
pub(crate) async fn clean_up(
    context: &Context,
    key: &JobKey,
    publication: &Publication,
) -> StageResult<JobEvent> {
    let mut must_list = false;
    for part in &publication.parts {
        let mut files: Vec<FileId> = Vec::new();
        if let Some(submission) = &part.submission {
            must_list |= submission.strays.must_list;
            files.push(submission.file_id.clone());
            files.extend(submission.strays.files.iter().cloned());
        }
        if let Some(batch) = &part.batch {
            files.extend(batch.output_file_id.iter().cloned());
            files.extend(batch.error_file_id.iter().cloned());
        }
        for file in files {
            context.service.delete_file(&file).await?;
        }
    }
    if must_list {
        for stray in find_files(context, &format!("aob-{key}-")).await? {
            context.service.delete_file(&stray.id).await?;
        }
    }
    forget(context, key).await?;
    Ok(JobEvent::CleanedUp)
}

/// Removes the work directory and, last, the claim marker.
pub(crate) async fn forget(context: &Context, key: &JobKey) -> StageResult<()> {
    context.lake.delete_directory(&context.layout.work(key)?).await?;
    context.lake.delete(&context.layout.claim(key)?, None).await?;
    Ok(())
}
