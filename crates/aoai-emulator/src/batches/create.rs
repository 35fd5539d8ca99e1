//! `POST /batches`.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    extract::{FromRequest, Json, Request},
    http::{HeaderValue, StatusCode},
    response::Response,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::{
    Batch, BatchError,
    blob::{self, BlobJob, OutputFolder},
    lifecycle::Pace,
    quota,
    record::Steering,
    results::prepare,
    upstream_run,
    upstream_run::Run,
    validation, view,
};
use crate::{
    config::{AnswerConfig, Deviation, MetadataFate, QuotaMode},
    files::{FileStatus, StoredBody, without_v1},
    server::{ApiError, Call, json},
    state::Shared,
};

#[derive(Deserialize)]
struct Create {
    input_file_id: Option<String>,
    input_blob: Option<String>,
    output_folder: Option<OutputFolder>,
    endpoint: String,
    completion_window: String,
    metadata: Option<Value>,
    output_expires_after: Option<ExpiresAfter>,
}

/// What a batch reads.
#[derive(Debug)]
pub(super) struct Source {
    /// None = a blob.
    pub(super) file_id: Option<String>,
    pub(super) filename: String,
    pub(super) body: Option<Arc<StoredBody>>,
    pub(super) refused: Option<BatchError>,
    pub(super) blob: Option<BlobJob>,
}

#[derive(Deserialize)]
struct ExpiresAfter {
    anchor: String,
    seconds: i64,
}

pub(crate) async fn create(state: &Shared, call: &Call, request: Request) -> Result<Response, ApiError> {
    let Json(mut create): Json<Create> =
        Json::from_request(request, &()).await.map_err(|error| ApiError::invalid(error.body_text()))?;
    let source = source(state, call, &mut create).await?;
    let batch = Arc::new(new_batch(state, call, create, source)?);
    let config = &state.config;
    let limited = config.quota.max_enqueued_tokens.is_some() || !config.quota.per_deployment.is_empty();
    let mut headers = Vec::new();
    if limited || config.quota.headers || config.batches.bom == Deviation::Reject {
        // What the service decides at create needs the file's content.
        let prepared =
            prepare(state, &batch).await.map_err(|error| ApiError::internal("read the input", &error))?;
        if prepared.scan.has_bom && config.batches.bom == Deviation::Reject {
            return Err(ApiError::invalid(validation::BOM_MESSAGE));
        }
        headers = admit(state, &batch)?;
    } else {
        state.batches().insert(batch.clone());
        state.spawn({
            let (state, batch) = (state.clone(), batch.clone());
            async move {
                if let Err(error) = prepare(&state, &batch).await {
                    tracing::error!(batch = batch.id, %error, "read the input");
                }
            }
        });
    }
    upstream_run::start(state, &batch);
    blob::watch(state, &batch);
    let now = state.clock.now();
    let mut response = json(StatusCode::OK, &view::to_json(&batch, now, &call.form, &config.wire));
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from(value));
    }
    Ok(response)
}

/// Inserts the batch if the quota has room, in one step so that two creates cannot both take the last of it.
fn admit(state: &Shared, batch: &Arc<Batch>) -> Result<Vec<(&'static str, u64)>, ApiError> {
    let config = &state.config.quota;
    let now = state.clock.now();
    let mut batches = state.batches();
    let Some((deployment, tokens)) = batch
        .prepared
        .get()
        .filter(|prepared| prepared.errors.is_empty())
        .and_then(|prepared| Some((prepared.scan.deployment.clone()?, prepared.tokens)))
    else {
        batches.insert(batch.clone());
        return Ok(Vec::new());
    };
    let enqueued = batches.enqueued_tokens(&deployment, now) + tokens;
    let limit = quota::limit(config, &deployment);
    if let Some(limit) = limit.filter(|limit| enqueued > *limit) {
        let message = quota::message(limit, &deployment);
        match config.mode {
            QuotaMode::FailFast => {
                let message = format!("token_limit_exceeded: {message}");
                return Err(ApiError::new(StatusCode::BAD_REQUEST, "token_limit_exceeded", message));
            }
            QuotaMode::FailLater => {
                batch.steering().refused = Some(BatchError::new("token_limit_exceeded", &message));
            }
        }
    }
    batches.insert(batch.clone());
    let mut headers = Vec::new();
    if config.headers {
        headers.push(("deployment-enqueued-tokens", enqueued));
        headers.extend(limit.map(|limit| ("deployment-maximum-enqueued-tokens", limit)));
    }
    Ok(headers)
}

/// The input, from wherever the request has it.
async fn source(state: &Shared, call: &Call, create: &mut Create) -> Result<Source, ApiError> {
    // Older versions do not know the field, and ignore it.
    let blob = create.input_blob.take().filter(|url| !url.is_empty() && call.form.since("2025-04-01"));
    let file = create.input_file_id.take().filter(|id| !id.is_empty());
    match (file, blob) {
        (Some(id), None) => file_source(state, id),
        (None, Some(url)) => {
            // Documented as not supported here: nothing is said about it, and nothing is kept.
            create.metadata = None;
            blob::source(state, url, create.output_folder.take()).await
        }
        (Some(_), Some(_)) => {
            Err(ApiError::invalid("Only one of input_file_id and input_blob may be given."))
        }
        (None, None) => Err(ApiError::invalid("The field input_file_id is required.")),
    }
}

fn file_source(state: &Shared, id: String) -> Result<Source, ApiError> {
    let input = find_input(state, &id)?;
    let mut refused = None;
    if input.is_none() {
        let message = missing_input(&id);
        match state.config.batches.missing_input {
            Deviation::Reject => return Err(ApiError::invalid(message)),
            Deviation::FailBatch => refused = Some(BatchError::new("invalid_request", &message)),
        }
    }
    let (filename, body) = input.map_or((String::new(), None), |(name, body)| (name, Some(body)));
    Ok(Source { file_id: Some(id), filename, body, refused, blob: None })
}

fn new_batch(state: &Shared, call: &Call, create: Create, source: Source) -> Result<Batch, ApiError> {
    let config = &state.config.batches;
    let metadata = create.metadata.map(check_metadata).transpose()?.flatten();
    let metadata = match config.metadata {
        MetadataFate::Echo => metadata,
        MetadataFate::Refuse if metadata.is_some() => {
            return Err(ApiError::invalid("The field metadata is not supported."));
        }
        MetadataFate::Drop | MetadataFate::Refuse => None,
    };
    let mut refused = source.refused;
    if create.completion_window != "24h" {
        let message = "The completion_window must be '24h'.";
        match config.bad_window {
            Deviation::Reject => return Err(ApiError::invalid(message)),
            Deviation::FailBatch => {
                refused.get_or_insert(BatchError::new("invalid_request", message));
            }
        }
    }
    let output_expiry = match create.output_expires_after.filter(|_| call.form.since("2025-04-01")) {
        Some(after) if after.anchor != "created_at" => {
            return Err(ApiError::invalid("output_expires_after.anchor must be 'created_at'."));
        }
        after => after.map(|after| after.seconds),
    };
    let now = state.clock.now();
    let (number, expiry) = {
        let mut batches = state.batches();
        (batches.next_number(), batches.take_expiry(config.expiry.as_ref(), &source.filename))
    };
    Ok(Batch {
        number,
        id: format!("batch_{}", uuid::Uuid::new_v4()),
        endpoint: without_v1(&create.endpoint).to_owned(),
        completion_window: create.completion_window,
        input_file_id: source.file_id.unwrap_or_default(),
        input_filename: source.filename,
        input_sha256: source.body.as_ref().map(|body| body.sha256.clone()).unwrap_or_default(),
        blob: source.blob,
        metadata,
        created_at: now,
        visible_at: now.plus(config.list_lag),
        output_expiry,
        pace: pace(state, number),
        expiry,
        run: matches!(state.config.answers, AnswerConfig::Upstream(_)).then(Run::default),
        input: source.body.into(),
        prepared: OnceCell::new(),
        results: OnceCell::new(),
        steering: Steering { refused, ..Steering::default() }.into(),
    })
}

fn missing_input(id: &str) -> String {
    format!("The input file '{id}' was not found.")
}

/// The input's name and body; none if there is no such file.
fn find_input(state: &Shared, id: &str) -> Result<Option<(String, Arc<StoredBody>)>, ApiError> {
    let now = state.clock.now();
    let files = state.files();
    let Some(file) = files.get(id, now).or_else(|| files.buried(id)) else { return Ok(None) };
    let status = file.status_at(now);
    if status != FileStatus::Processed {
        return Err(ApiError::invalid(format!(
            "The input file '{id}' is in '{}' state. Only files with status 'Processed' are accepted for batch \
             inferencing. Please check the file status and try again",
            status.name()
        )));
    }
    if file.purpose != "batch" {
        return Err(ApiError::invalid(format!("The input file '{id}' must have purpose 'batch'.")));
    }
    Ok(file.body().map(|body| (file.filename.clone(), body.clone())))
}

fn pace(state: &Shared, number: u64) -> Pace {
    let config = &state.config.batches;
    let mut random = StdRng::seed_from_u64(state.config.seed ^ number);
    let factor = 1.0 + config.in_progress_spread.max(0.0) * random.random::<f64>();
    Pace {
        validating: config.validating,
        in_progress: config.in_progress.mul_f64(factor),
        finalizing: config.finalizing,
        cancelling: config.cancelling,
    }
}

/// Strings only, at most 16 pairs, keys of 64 and values of 512 characters.
fn check_metadata(metadata: Value) -> Result<Option<BTreeMap<String, String>>, ApiError> {
    if metadata.is_null() {
        return Ok(None);
    }
    let pairs: BTreeMap<String, String> = serde_json::from_value(metadata)
        .map_err(|error| ApiError::invalid(format!("metadata must map strings to strings: {error}")))?;
    if pairs.len() > 16 {
        return Err(ApiError::invalid("metadata may have at most 16 pairs."));
    }
    if let Some((key, _)) =
        pairs.iter().find(|(key, value)| key.chars().count() > 64 || value.chars().count() > 512)
    {
        return Err(ApiError::invalid(format!(
            "metadata '{key}': keys have at most 64 characters, values 512."
        )));
    }
    Ok(Some(pairs))
}
