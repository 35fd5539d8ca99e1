//! From JSON to objects: parse only what is required, and take it in whatever shape it comes.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;

use super::{
    Batch, BatchError, BatchId, BatchStatus, BatchUsage, FileId, FileObject, FileStatus, RequestCounts,
    lenient::{count, seconds, text},
    redact::without_queries,
};

impl<'de> Deserialize<'de> for FileObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let v = Value::deserialize(deserializer)?;
        Ok(Self {
            id: FileId(text(&v["id"]).ok_or_else(|| D::Error::missing_field("id"))?),
            filename: text(&v["filename"]),
            bytes: count(&v["bytes"]),
            purpose: text(&v["purpose"]),
            status: FileStatus::from(v["status"].as_str().unwrap_or_default()),
            status_details: text(&v["status_details"]).map(|details| without_queries(&details)),
            created_at: seconds(&v["created_at"]),
            expires_at: seconds(&v["expires_at"]),
        })
    }
}

impl<'de> Deserialize<'de> for Batch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let v = Value::deserialize(deserializer)?;
        let file = |name: &str| text(&v[name]).map(FileId);
        let ended = ["ended_at", "completed_at", "failed_at", "expired_at", "cancelled_at"];
        let counts = &v["request_counts"];
        Ok(Self {
            id: BatchId(text(&v["id"]).ok_or_else(|| D::Error::missing_field("id"))?),
            status: BatchStatus::from(v["status"].as_str().unwrap_or_default()),
            endpoint: text(&v["endpoint"]),
            input_file_id: file("input_file_id"),
            output_file_id: file("output_file_id"),
            error_file_id: file("error_file_id"),
            input_blob: text(&v["input_blob"]),
            output_blob: text(&v["output_blob"]),
            error_blob: text(&v["error_blob"]),
            created_at: seconds(&v["created_at"]),
            in_progress_at: seconds(&v["in_progress_at"]),
            ended_at: ended.iter().find_map(|name| seconds(&v[*name])),
            expires_at: seconds(&v["expires_at"]),
            request_counts: RequestCounts {
                total: count(&counts["total"]).unwrap_or(0),
                completed: count(&counts["completed"]).unwrap_or(0),
                failed: count(&counts["failed"]).unwrap_or(0),
            },
            usage: usage(&v["usage"]),
            errors: errors(&v["errors"]),
            metadata: metadata(&v["metadata"]),
            model: text(&v["model"]),
        })
    }
}

/// `usage` of a batch or of a response: chat completions and responses name the fields differently.
pub(crate) fn usage(v: &Value) -> Option<BatchUsage> {
    let first = |names: [&str; 2]| names.iter().find_map(|name| count(&v[*name]));
    let details = |name: &str| count(&v[name]["cached_tokens"]);
    Some(BatchUsage {
        input_tokens: first(["input_tokens", "prompt_tokens"])?,
        cached_tokens: details("input_tokens_details")
            .or_else(|| details("prompt_tokens_details"))
            .or_else(|| count(&v["cached_tokens"]))
            .unwrap_or(0),
        output_tokens: first(["output_tokens", "completion_tokens"]).unwrap_or(0),
    })
}

/// The swagger says object, the wire says `{"data":[…]}`, our own ledger says array.
fn errors(v: &Value) -> Vec<BatchError> {
    let list = match v {
        Value::Array(list) => list.as_slice(),
        Value::Object(object) => match object.get("data") {
            Some(Value::Array(list)) => list,
            Some(object @ Value::Object(_)) => std::slice::from_ref(object),
            Some(_) => &[],
            None if object.contains_key("code") => std::slice::from_ref(v),
            None => &[],
        },
        _ => &[],
    };
    list.iter()
        .map(|error| BatchError {
            code: text(&error["code"]),
            message: text(&error["message"]).unwrap_or_default(),
            line: count(&error["line"]),
            param: text(&error["param"]),
        })
        .collect()
}

fn metadata(v: &Value) -> BTreeMap<String, String> {
    let pairs = v.as_object().into_iter().flatten();
    pairs.filter_map(|(key, value)| Some((key.clone(), text(value)?))).collect()
}

/// Code and message of an error answer: the service's envelope, the gateway's, or whatever else a proxy says.
pub(crate) fn parse_error_body(body: &[u8]) -> (Option<String>, String) {
    const EXCERPT: usize = 1000;
    let excerpt = |text: &str| text.chars().take(EXCERPT).collect::<String>();
    let raw = || excerpt(&String::from_utf8_lossy(body).split_whitespace().collect::<Vec<_>>().join(" "));
    let Ok(v) = serde_json::from_slice::<Value>(body) else { return (None, raw()) };
    let error = if v["error"].is_null() { &v } else { &v["error"] };
    if let Value::String(message) = error {
        return (None, excerpt(message));
    }
    // The dated API and v1 spell the inner one differently.
    let codes = [&error["code"], &error["innererror"]["code"], &error["inner_error"]["code"]];
    let code = codes.into_iter().find_map(text);
    let message = text(&error["message"]).map_or_else(raw, |message| excerpt(&message));
    (code, message)
}

#[cfg(test)]
mod tests;
