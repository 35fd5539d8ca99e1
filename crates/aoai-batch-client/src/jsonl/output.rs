//! Result lines: of the output file and of the error file.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::{BatchUsage, wire::parse_error_body};

/// A line of an output or error file.
#[derive(Debug, Clone, Deserialize)]
pub struct OutputLine<'a> {
    /// The request's.
    #[serde(borrow)]
    pub custom_id: Cow<'a, str>,
    /// The answer; `null` where the request was never executed.
    #[serde(borrow, default)]
    pub response: Option<OutputResponse<'a>>,
    /// Why the request was not executed.
    #[serde(default)]
    pub error: Option<OutputError>,
}

/// The answer to a request.
#[derive(Debug, Clone, Deserialize)]
pub struct OutputResponse<'a> {
    /// HTTP status; 0 was seen where there was none.
    #[serde(default)]
    pub status_code: i64,
    /// The service's id of the request.
    #[serde(borrow, default)]
    pub request_id: Option<Cow<'a, str>>,
    /// The body.
    #[serde(borrow, default)]
    pub body: Option<&'a RawValue>,
}

/// Why a request was not executed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OutputError {
    /// Such as `batch_expired`.
    #[serde(default, deserialize_with = "any_text")]
    pub code: Option<String>,
    /// For people.
    #[serde(default, deserialize_with = "any_text")]
    pub message: Option<String>,
}

impl OutputLine<'_> {
    /// Success: no error, and a status of 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.error.is_none()
            && self.response.as_ref().is_some_and(|response| (200..300).contains(&response.status_code))
    }

    /// Code and message of a failure, in whichever of the documented shapes it comes.
    #[must_use]
    pub fn failure(&self) -> Option<(Option<String>, String)> {
        if self.is_success() {
            return None;
        }
        if let Some(error) = &self.error {
            return Some((error.code.clone(), error.message.clone().unwrap_or_default()));
        }
        let response = self.response.as_ref()?;
        let body = response.body.map_or("", RawValue::get);
        let (code, message) = parse_error_body(body.as_bytes());
        Some((code.or_else(|| Some(response.status_code.to_string())), message))
    }

    /// The tokens that the answer says it used.
    #[must_use]
    pub fn usage(&self) -> Option<BatchUsage> {
        #[derive(Deserialize)]
        struct Body {
            usage: Option<Value>,
        }
        let body = self.response.as_ref()?.body?;
        crate::wire::usage(&serde_json::from_str::<Body>(body.get()).ok()?.usage?)
    }
}

fn any_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> OutputLine<'_> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn success_is_a_2xx_without_error() {
        let ok = line(
            r#"{"custom_id":"task-0","response":{"body":{"usage":{"prompt_tokens":27,"completion_tokens":24,
                "prompt_tokens_details":{"cached_tokens":5}}},"request_id":"r","status_code":200},"error":null}"#,
        );
        assert!(ok.is_success());
        assert_eq!(ok.usage(), Some(BatchUsage { input_tokens: 27, cached_tokens: 5, output_tokens: 24 }));
        assert_eq!(ok.failure(), None);
        assert!(
            !line(r#"{"custom_id":"a","response":{"status_code":0,"body":null},"error":null}"#).is_success()
        );
        assert!(!line(r#"{"custom_id":"a","response":null}"#).is_success());
    }

    #[test]
    fn both_shapes_of_a_failure_tell_code_and_message() {
        let shape = line(
            r#"{"id":"x","custom_id":"a","response":null,"error":{"code":"batch_expired","message":"m"}}"#,
        );
        assert_eq!(shape.failure(), Some((Some("batch_expired".into()), "m".into())));
        let shape = line(
            r#"{"custom_id":"a","response":{"status_code":400,"body":{"error":{"code":"content_filter","message":"m"}}}}"#,
        );
        assert_eq!(shape.failure(), Some((Some("content_filter".into()), "m".into())));
    }
}
