//! The trait and its types.

use serde_json::value::RawValue;

/// Counts the prompt tokens of request bodies.
///
/// # Guarantees
/// Never panics and never fails: what cannot be counted exactly is estimated, and [`TokenCount::provenance`] says so.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait TokenEstimator: Send + Sync {
    /// Counts the body of one request line (chat completions, responses or embeddings).
    ///
    /// `model` is what the body names: on Azure the deployment.
    fn count(&self, model: &str, body: &RawValue) -> TokenCount;

    /// How counts for this model (or deployment) come about.
    fn provenance(&self, model: &str) -> Provenance;
}

/// The prompt tokens of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenCount {
    /// Prompt tokens of all kinds: exactly the sum of the four that follow.
    pub prompt_tokens: u64,
    /// Of the texts: contents, names, calls and their results, inputs of embeddings; and of what is only estimated by its
    /// bytes, such as sound and files.
    pub text_tokens: u64,
    /// Of the images.
    pub image_tokens: u64,
    /// Of tools, functions, what is demanded of them, and the schemas of answers.
    pub tool_tokens: u64,
    /// Of what stands around the texts: roles, the framing of messages and calls, names, the priming of the answer.
    pub overhead_tokens: u64,
    /// The tokens that the body allows as output, of all its answers together; zero for embeddings, `None` where it does not
    /// say.
    pub max_output_tokens: Option<u64>,
    /// The service's admission figure: characters of the body divided by four (the service's own estimate is
    /// documented as made from the number of characters; the divisor is inferred from one published sample).
    pub quota_tokens: u64,
    /// How the prompt tokens were found.
    pub provenance: Provenance,
}

/// How a count was found; ordered from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// By the model's own encoding and the documented framing.
    Exact,
    /// By the model's encoding, but parts (tools, images, schemas) by a published rule that is only near.
    Rule,
    /// From the number of bytes: the model's encoding is not known, or the text was unfit for it.
    Estimate,
}
