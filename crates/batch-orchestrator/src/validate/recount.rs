//! A line that was valid before, counted once more: for a file made of some lines of another.

use std::borrow::Cow;

use aoai_batch_client::Line;
use serde::Deserialize;
use serde_json::value::RawValue;
use token_estimator::TokenEstimator;

use crate::model::TokenTotals;

/// What planning needs to know of a line.
pub(crate) struct Recounted<'a> {
    pub(crate) custom_id: Cow<'a, str>,
    /// Bytes on the way to the service, line end included.
    pub(crate) upload_bytes: u64,
    pub(crate) tokens: TokenTotals,
}

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    custom_id: Cow<'a, str>,
    #[serde(borrow)]
    body: &'a RawValue,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    model: &'a RawValue,
}

/// Counts a line that is sent with `named` as its model, where that is rewritten.
pub(crate) fn recount<'a>(
    line: &'a Line,
    named: Option<&str>,
    estimator: Option<&dyn TokenEstimator>,
) -> serde_json::Result<Recounted<'a>> {
    let Request { custom_id, body } = serde_json::from_slice(&line.bytes)?;
    let Body { model } = serde_json::from_str(body.get())?;
    let name: Cow<'_, str> = serde_json::from_str(model.get())?;
    let tokens = estimator.map_or(TokenTotals::UNKNOWN, |estimator| {
        let count = estimator.count(named.unwrap_or(&name), body);
        TokenTotals {
            prompt: count.prompt_tokens,
            quota: count.quota_tokens,
            provenance: Some(count.provenance),
            max_output: count.max_output_tokens,
        }
    });
    let upload_bytes = match named {
        None => line.full_length,
        Some(named) => {
            let length = serde_json::to_string(named)?.len();
            (line.bytes.len() + 1 + length).saturating_sub(model.get().len()) as u64
        }
    };
    Ok(Recounted { custom_id, upload_bytes, tokens })
}
