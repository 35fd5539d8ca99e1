//! Reading a manifest back: as much of it as says what a job came to.

use crate::model::{JobKey, Totals};

/// A manifest; readers accept newer formats, so everything that is not known is passed over.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Manifest {
    pub(crate) job: JobKey,
    counts: Counts,
    input: Input,
    tokens: Tokens,
    cost: Option<Cost>,
    #[serde(default)]
    artifacts: Vec<Named>,
}

#[derive(Debug, serde::Deserialize)]
struct Named {
    path: String,
    sha256: String,
}

#[derive(Debug, serde::Deserialize)]
struct Cost {
    actual_nanodollars: Option<u64>,
}

#[derive(Debug, serde::Deserialize)]
struct Counts {
    lines: u64,
    output: u64,
    error: u64,
    nonconforming: Option<u64>,
}

#[derive(Debug, serde::Deserialize)]
struct Input {
    raw: Raw,
    sha256: Option<String>,
}

#[derive(Debug, serde::Deserialize)]
struct Raw {
    state: String,
    path: Option<String>,
}

#[derive(Debug, serde::Deserialize)]
struct Tokens {
    estimated_prompt: Option<u64>,
    prompt: u64,
    cached: u64,
    completion: u64,
}

impl Manifest {
    /// `None` if it is not a manifest.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    pub(crate) fn totals(&self) -> Totals {
        Totals {
            lines: self.counts.lines,
            output: self.counts.output,
            error: self.counts.error,
            nonconforming: self.counts.nonconforming,
            estimated_tokens: self.tokens.estimated_prompt.unwrap_or(0),
            prompt_tokens: self.tokens.prompt,
            cached_tokens: self.tokens.cached,
            completion_tokens: self.tokens.completion,
            cost: self.cost.as_ref().and_then(|cost| cost.actual_nanodollars),
        }
    }

    /// The hash of a published file, or of the archived input.
    pub(crate) fn sha256_of(&self, path: &str) -> Option<&str> {
        let named = self.artifacts.iter().find(|named| named.path == path).map(|named| named.sha256.as_str());
        named.or_else(|| self.input.sha256.as_deref().filter(|_| self.archived_at() == Some(path)))
    }

    /// Where the input is now; `None` if it was replaced meanwhile.
    pub(crate) fn archived_at(&self) -> Option<&str> {
        self.input.raw.path.as_deref().filter(|_| self.input.raw.state == "archived")
    }
}
