//! Batches that read a blob and write blobs: `input_blob` and `output_folder`.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use reqwest::Url;
use serde::Deserialize;
use uuid::Uuid;

use super::{Batch, BatchError, create::Source};
use crate::{
    files::StoredBody,
    lake::{self, Address},
    server::ApiError,
    state::Shared,
};

/// Where results go, as the request says it.
#[derive(Debug, Deserialize)]
pub(super) struct OutputFolder {
    url: String,
    #[serde(default = "slash")]
    delimiter: String,
}

fn slash() -> String {
    "/".to_owned()
}

/// What a batch of this kind reads and writes.
#[derive(Debug)]
pub(crate) struct BlobJob {
    pub(super) input_url: String,
    pub(super) output_url: String,
    pub(super) error_url: String,
    source: Address,
    /// As it was at create; none = it was not there.
    etag: Option<String>,
    output: Address,
    errors: Address,
    /// Whether it was looked at again when validation ended.
    judged: AtomicBool,
}

impl BlobJob {
    pub(super) fn is_judged(&self) -> bool {
        self.judged.load(Ordering::SeqCst)
    }
}

/// Reads the blob as it is now.
pub(super) async fn source(
    state: &Shared,
    input_url: String,
    folder: Option<OutputFolder>,
) -> Result<Source, ApiError> {
    let folder = folder.ok_or_else(|| ApiError::invalid("output_folder is required with input_blob."))?;
    let base = format!("{}{}{}", folder.url.trim_end_matches('/'), folder.delimiter, Uuid::new_v4());
    let output_url = format!("{base}{}results.jsonl", folder.delimiter);
    let error_url = format!("{base}{}errors.jsonl", folder.delimiter);
    let source = place(state, "input_blob", &input_url)?;
    let (output, errors) =
        (place(state, "output_folder", &output_url)?, place(state, "output_folder", &error_url)?);
    let found = lake::open(state, &source);
    let limit = state.config.batches.max_blob_bytes;
    let (body, refused) = match &found {
        None => (None, Some(no_permissions(&input_url))),
        Some(file) if file.length > limit => {
            // A guess at the code: that there is a limit is all that is published.
            let message = format!("The input blob is larger than {limit} bytes.");
            (None, Some(BatchError::new("invalid_request", &message)))
        }
        Some(file) => {
            let copied = StoredBody::copy(state.body_dir(), file.body.path(), file.length).await;
            (Some(copied.map_err(|error| ApiError::internal("read the input blob", &error))?), None)
        }
    };
    let filename = format!("{}/{}", source.filesystem, source.path());
    let etag = found.map(|file| file.etag);
    let judged = AtomicBool::new(refused.is_some());
    let blob = BlobJob { input_url, output_url, error_url, source, etag, output, errors, judged };
    Ok(Source { file_id: None, filename, body, refused, blob: Some(blob) })
}

fn place(state: &Shared, field: &str, url: &str) -> Result<Address, ApiError> {
    let parsed = Url::parse(url).ok();
    let at = parsed.and_then(|url| lake::locate(state, &url)).filter(|at| !at.key.is_empty());
    at.ok_or_else(|| {
        ApiError::invalid(format!("{field} must be the URL of a blob in this emulator's storage."))
    })
}

fn no_permissions(url: &str) -> BatchError {
    let message =
        format!("The input blob '{url}' does not exist or cannot be read with the resource's identity.");
    BatchError::new("input_no_permissions", &message)
}

/// Looks at the blob when validation ends, even if nobody asks for the batch then.
pub(super) fn watch(state: &Shared, batch: &Arc<Batch>) {
    if batch.blob.is_none() {
        return;
    }
    let (shared, batch) = (state.clone(), batch.clone());
    state.spawn(async move {
        shared.clock.reach(batch.facts(true).validated()).await;
        judge(&shared, &batch);
    });
}

/// Once validation has ended: whether the blob still is what it was.
pub(super) fn judge(state: &Shared, batch: &Batch) {
    let Some(blob) = batch.blob.as_ref().filter(|blob| !blob.is_judged()) else { return };
    let validated = batch.facts(true).validated();
    if state.clock.now() < validated {
        return;
    }
    let problem = match lake::open(state, &blob.source) {
        None => Some(no_permissions(&blob.input_url)),
        // What was written later does not concern the batch, even if it is seen here already.
        Some(file) if Some(&file.etag) != blob.etag.as_ref() && file.modified < validated => {
            let message =
                format!("The input blob '{}' was modified after the batch was created.", blob.input_url);
            Some(BatchError::new("input_modified", &message))
        }
        Some(_) => None,
    };
    if let Some(problem) = problem {
        batch.steering().refused.get_or_insert(problem);
    }
    blob.judged.store(true, Ordering::SeqCst);
}

/// Which of the two results.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Output,
    Errors,
}

/// Writes a result to where the batch was told to.
pub(super) async fn deliver(
    state: &Shared,
    blob: &BlobJob,
    kind: Kind,
    body: &StoredBody,
) -> std::io::Result<()> {
    let target = match kind {
        Kind::Output => &blob.output,
        Kind::Errors => &blob.errors,
    };
    let content = std::fs::File::open(body.path())?;
    let written = lake::put(state, target, content).await;
    written.map_err(|error| std::io::Error::other(format!("{}: {}", error.code, error.message)))
}
