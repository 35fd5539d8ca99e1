//! Request lines.

use std::borrow::Cow;

use serde_json::value::RawValue;

/// A line of a batch input file.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct RequestLine<'a> {
    /// Unique in the file; comes back with the result.
    #[serde(borrow)]
    pub custom_id: Cow<'a, str>,
    /// `POST`.
    #[serde(borrow)]
    pub method: Cow<'a, str>,
    /// Such as `/chat/completions`.
    #[serde(borrow)]
    pub url: Cow<'a, str>,
    /// The request; on Azure its `model` is the deployment's name.
    #[serde(borrow)]
    pub body: Cow<'a, RawValue>,
}

/// What kind of requests a url or a batch endpoint means, however it is spelled.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EndpointFamily(String);

impl EndpointFamily {
    /// Such as `chat/completions`, `responses`, `embeddings`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The family of a url: without leading slashes and without one leading `v1`, which the service adds and drops.
#[must_use]
pub fn endpoint_family(url: &str) -> EndpointFamily {
    let path = url.trim_matches('/');
    EndpointFamily(path.strip_prefix("v1/").unwrap_or(path).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_an_endpoint_are_one_family() {
        assert_eq!(endpoint_family("/v1/chat/completions"), endpoint_family("/chat/completions"));
        assert_eq!(endpoint_family("/v1/responses").as_str(), "responses");
        assert_ne!(endpoint_family("/embeddings"), endpoint_family("/chat/completions"));
    }

    #[test]
    fn a_request_line_goes_through_unchanged() {
        let text =
            r#"{"custom_id":"a","method":"POST","url":"/chat/completions","body":{"model":"m", "x": 1.0}}"#;
        let line: RequestLine<'_> = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&line).unwrap(), text);
    }
}
