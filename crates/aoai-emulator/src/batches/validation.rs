//! Whether a scanned file can run as this batch.

use super::BatchError;
use crate::{config::BatchConfig, files::Scan};

/// All that is wrong; empty = nothing. `number` is the batch's own, from 1.
pub(super) fn judge(scan: &Scan, endpoint: &str, number: u64, config: &BatchConfig) -> Vec<BatchError> {
    if scan.has_bom {
        return vec![BatchError::new("invalid_request", BOM_MESSAGE)];
    }
    let mut errors: Vec<BatchError> = scan.faults.iter().map(BatchError::from).collect();
    if let Some(deployment) = &scan.deployment
        && !config.deployments.is_empty()
        && !config.deployments.contains(deployment)
    {
        let message = format!("The model deployment '{deployment}' was not found.");
        errors.push(BatchError::new("model_not_found", &message));
    }
    let family = family(scan, endpoint, config);
    for line in scan.lines.iter().filter(|line| scan.urls[line.url] != family).take(MAX_ERRORS) {
        let message =
            format!("The url '{}' does not match the batch endpoint '{endpoint}'.", scan.urls[line.url]);
        errors.push(BatchError { line: Some(line.number), ..BatchError::new("url_mismatch", &message) });
    }
    if let Some(refused) = config.refused_lines.as_ref().filter(|refused| refused.is_about(number)) {
        let meant = scan.lines.iter().filter(|line| line.custom_id.contains(&refused.custom_id_contains));
        errors.extend(meant.take(MAX_ERRORS).map(|line| {
            let message = format!("The request '{}' is not accepted.", line.custom_id);
            BatchError { line: Some(line.number), ..BatchError::new(&refused.code, &message) }
        }));
    }
    errors.sort_by_key(|error| error.line);
    errors
}

pub(super) const BOM_MESSAGE: &str = "Validation failed: A valid model deployment name couldn't be extracted from \
    the input file. Please ensure that each row in the input file has a valid deployment name specified in the \
    'model' field, and that the deployment name is consistent across all rows.";

const MAX_ERRORS: usize = 1_000;

/// What all lines have to be for: the batch's endpoint, or `/responses` where the first line says so and that is
/// tolerated.
fn family<'a>(scan: &'a Scan, endpoint: &'a str, config: &BatchConfig) -> &'a str {
    match scan.urls.first().map(String::as_str) {
        Some("/responses") if endpoint == "/chat/completions" && config.responses_on_chat_endpoint => {
            "/responses"
        }
        _ => endpoint,
    }
}
