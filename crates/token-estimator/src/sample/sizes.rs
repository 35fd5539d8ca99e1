//! The sizes of a body's parts.

use serde_json::value::RawValue;

use crate::shapes;
use crate::text::Counter;
use crate::{TiktokenEstimator, TokenCount};

/// A count with the bytes of texts in the place of their tokens. The tokens of a sample of bodies and the sizes of all
/// tell the tokens of all, at the cost of parsing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodySizes {
    /// Bytes of the texts, decoded: where [`TokenCount::text_tokens`] has their tokens.
    pub text_bytes: u64,
    /// Bytes of tools and schemas as they are counted, with the tokens of their framing.
    pub tool_bytes: u64,
    /// Bytes of roles and names, with the tokens of the framing.
    pub overhead_bytes: u64,
    /// Tokens of images, which need no counting.
    pub image_tokens: u64,
    /// As in [`TokenCount`].
    pub max_output_tokens: Option<u64>,
    /// As in [`TokenCount`].
    pub quota_tokens: u64,
}

impl TiktokenEstimator {
    /// The sizes of the body of one request line, as [`count`](crate::TokenEstimator::count) would count it.
    #[must_use]
    pub fn sizes(&self, model: &str, body: &RawValue) -> BodySizes {
        let counter = Counter {
            model: self.resolve(model).model,
            encoding: None,
            bytes_per_token: 1.0,
            unknown_image: self.options.unknown_image,
        };
        let (tally, max_output_tokens) = shapes::count(&counter, body);
        let characters = body.get().chars().count() as u64;
        let TokenCount { text_tokens, tool_tokens, overhead_tokens, image_tokens, quota_tokens, .. } =
            tally.into_count(characters.div_ceil(4), max_output_tokens);
        BodySizes {
            text_bytes: text_tokens,
            tool_bytes: tool_tokens,
            overhead_bytes: overhead_tokens,
            image_tokens,
            max_output_tokens,
            quota_tokens,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TokenEstimator;

    fn sizes_and_count(body: &str) -> (BodySizes, TokenCount) {
        let (estimator, body) =
            (TiktokenEstimator::default(), RawValue::from_string(body.to_owned()).unwrap());
        (estimator.sizes("gpt-4o", &body), estimator.count("gpt-4o", &body))
    }

    #[test]
    fn texts_are_measured_decoded_and_images_counted_by_rule() {
        let (sizes, count) = sizes_and_count(
            r#"{"messages":[{"role":"user","content":[{"type":"text","text":"\u00e9\u00e9 \ud83d\ude00"},
            {"type":"image_url","image_url":{"url":"https://example.org/a.png"}}]}],"max_tokens":7}"#,
        );
        assert_eq!(sizes.text_bytes, "éé 😀".len() as u64);
        // Three for the message, three for the answer, and `user`.
        assert_eq!(sizes.overhead_bytes, 3 + 3 + 4);
        assert_eq!((sizes.image_tokens, sizes.tool_bytes), (count.image_tokens, 0));
        assert!(sizes.image_tokens > 0);
        assert_eq!((sizes.max_output_tokens, sizes.quota_tokens), (Some(7), count.quota_tokens));
    }

    #[test]
    fn tools_are_measured_as_they_are_counted() {
        let (sizes, count) = sizes_and_count(
            r#"{"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function",
            "function":{"name":"weather","description":"The weather of a place","parameters":{}}}]}"#,
        );
        assert!(count.tool_tokens > 0 && sizes.tool_bytes > count.tool_tokens);
        assert_eq!(sizes.text_bytes, 1);
    }
}
