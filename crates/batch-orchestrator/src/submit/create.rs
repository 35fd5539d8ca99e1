//! `CREATING`: the intent is durable; send the one request.

use aoai_batch_client::{Applied, CreateBatch, ErrorKind};

use super::tags::tags;
use crate::{
    error::{StageError, StageResult},
    machine::PartEvent,
    model::{PartRecord, Problem, ProblemKind, ServiceInput, Submission, Timestamp},
    reconcile::Context,
    upload::refusal,
};

/// The service's word for a full quota of enqueued tokens; some regions say it in the message only.
pub(crate) const TOKENS: &str = "token_limit_exceeded";

/// Creates the batch, if this very process wrote the intent just now; otherwise says that it must be looked up.
pub(crate) async fn create(
    context: &Context,
    part: &PartRecord,
    submission: &Submission,
    fresh: bool,
    now: Timestamp,
) -> StageResult<PartEvent> {
    if !fresh {
        return Ok(PartEvent::Interrupted);
    }
    let service = &context.options.service;
    let create = CreateBatch {
        endpoint: service.batch_endpoint.clone(),
        completion_window: service.completion_window.clone(),
        ..input_and_output(context, part, submission)?
    };
    let error = match context.service.create_batch(&create).await {
        Ok(created) => {
            return Ok(PartEvent::Created { batch_id: created.batch.id, enqueued: created.enqueued });
        }
        Err(error) => error,
    };
    if error.applied() == Applied::Unknown {
        return Ok(PartEvent::CreateUncertain);
    }
    // Certainly not created: either for good, or not now.
    let code = error.code();
    if let Some(problem) =
        code.and_then(|code| misconfigured(context, code, error.message(), submission, now))
    {
        return Ok(PartEvent::CreatePostponed {
            wait: context.backoff(submission.postponed + 1, None),
            problem,
            full: false,
        });
    }
    if error.kind() == ErrorKind::Rejected && !is_not_processed(&error) {
        return Ok(PartEvent::CreateRefused(refusal(&error)));
    }
    let full = error.code() == Some(TOKENS) || error.message().contains(TOKENS);
    let error = StageError::from(error);
    Ok(PartEvent::CreatePostponed {
        full,
        wait: context.backoff(submission.postponed + 1, error.wait),
        problem: error.problem(None, submission.postponed_since.unwrap_or(now)),
    })
}

/// What the batch reads, and where it writes if that is in the lake.
fn input_and_output(
    context: &Context,
    part: &PartRecord,
    submission: &Submission,
) -> StageResult<CreateBatch> {
    let create = CreateBatch::default();
    Ok(match &submission.input {
        ServiceInput::File(id) => CreateBatch {
            input_file_id: Some(id.clone()),
            metadata: tags(context.ledger.id(), &part.key, submission.generation),
            ..create
        },
        // The service refuses metadata with blobs; each generation has a path of its own to be known by.
        ServiceInput::Blob { at } => {
            let urls = context.urls()?;
            let results = context.layout.results(&part.key, submission.generation)?;
            CreateBatch {
                input_blob: Some(urls.blob_url(at)),
                output_folder: Some(urls.blob_url(&results)),
                ..create
            }
        }
    })
}

/// What a role or the configuration must mend: never a matter of the file, so the file waits for it.
pub(crate) fn misconfigured(
    context: &Context,
    code: &str,
    message: &str,
    submission: &Submission,
    now: Timestamp,
) -> Option<Problem> {
    let service = &context.options.service;
    let hint = match (code, &service.deployment) {
        ("input_no_permissions", _) if submission.input.blob().is_some() => {
            "give the Azure OpenAI resource's managed identity the role Storage Blob Data Contributor on the \
             storage account/filesystem"
                .to_owned()
        }
        // The lines name what is configured: that was validated.
        ("model_not_found" | "DeploymentNotFound", Some(deployment)) => format!(
            "the configuration names the deployment \"{deployment}\": it must be a global batch (or data zone \
             batch) deployment of {}",
            service.name
        ),
        _ => return None,
    };
    Some(Problem {
        kind: ProblemKind::Service,
        message: format!("{code}: {message}"),
        hint: Some(hint),
        lasting: true,
        since: submission.postponed_since.unwrap_or(now),
    })
}

/// The service sometimes says `processed` and then refuses the file as `pending`.
fn is_not_processed(error: &aoai_batch_client::Error) -> bool {
    error.message().contains("Only files with status 'Processed' are accepted")
}
