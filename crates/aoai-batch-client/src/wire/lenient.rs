//! Values that come in more than one shape.

use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A non-empty string; `""` and `null` both mean "none".
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A count; `null` means zero.
pub(super) fn count(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// Seconds since 1970: an integer, a float, or an ISO 8601 string (all were captured).
pub(super) fn seconds(value: &Value) -> Option<i64> {
    match value {
        #[expect(clippy::cast_possible_truncation, reason = "whole seconds are all we keep")]
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().map(|seconds| seconds as i64)),
        Value::String(text) => {
            text.parse().ok().or_else(|| Some(OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp()))
        }
        _ => None,
    }
}
