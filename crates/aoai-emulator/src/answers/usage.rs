//! Token counts of answers.

use serde_json::{Value, json};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) prompt: u64,
    pub(crate) completion: u64,
}

impl Usage {
    /// Reads both spellings: chat's `prompt_tokens` and responses' `input_tokens`.
    pub(crate) fn read(body: &Value) -> Self {
        let usage = &body["usage"];
        let count = |names: [&str; 2]| names.iter().find_map(|name| usage[name].as_u64()).unwrap_or(0);
        Self {
            prompt: count(["prompt_tokens", "input_tokens"]),
            completion: count(["completion_tokens", "output_tokens"]),
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.prompt += other.prompt;
        self.completion += other.completion;
    }

    /// As in the batch object of the v1 surface.
    pub(crate) fn of_batch(self) -> Value {
        json!({
            "input_tokens": self.prompt,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": self.completion,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": self.prompt + self.completion,
        })
    }
}
