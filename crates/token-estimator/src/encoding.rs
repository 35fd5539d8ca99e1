//! Which encoding a model has.

/// A vocabulary and its rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// GPT-3.5, GPT-4 and the embedding models.
    Cl100kBase,
    /// GPT-4o, everything after it and the reasoning models. Ordinary text counts the same in `o200k_harmony`.
    O200kBase,
}

use Encoding::{Cl100kBase, O200kBase};

/// As in tiktoken 0.14.0 (August 2026), without the retired models.
const NAMES: &[(&str, Encoding)] = &[
    ("o1", O200kBase),
    ("o3", O200kBase),
    ("o4-mini", O200kBase),
    ("gpt-5", O200kBase),
    ("gpt-4.1", O200kBase),
    ("gpt-4o", O200kBase),
    ("gpt-4", Cl100kBase),
    ("gpt-3.5-turbo", Cl100kBase),
    ("gpt-3.5", Cl100kBase),
    ("gpt-35-turbo", Cl100kBase),
    ("davinci-002", Cl100kBase),
    ("babbage-002", Cl100kBase),
    ("text-embedding-ada-002", Cl100kBase),
    ("text-embedding-3-small", Cl100kBase),
    ("text-embedding-3-large", Cl100kBase),
];

/// The first that fits counts, so a longer prefix stands before a shorter one that it begins with.
const PREFIXES: &[(&str, Encoding)] = &[
    ("o1-", O200kBase),
    ("o3-", O200kBase),
    ("o4-mini-", O200kBase),
    ("gpt-5", O200kBase),
    ("gpt-4.5-", O200kBase),
    ("gpt-4.1-", O200kBase),
    ("chatgpt-4o-", O200kBase),
    ("gpt-4o-", O200kBase),
    ("gpt-oss-", O200kBase),
    ("codex-mini", O200kBase),
    ("gpt-4-", Cl100kBase),
    ("gpt-3.5-turbo-", Cl100kBase),
    ("gpt-35-turbo-", Cl100kBase),
    ("ft:gpt-4o", O200kBase),
    ("ft:gpt-4", Cl100kBase),
    ("ft:gpt-3.5-turbo", Cl100kBase),
    ("ft:davinci-002", Cl100kBase),
    ("ft:babbage-002", Cl100kBase),
];

/// The encoding of a model by its name; `None` where it is not known.
#[must_use]
pub fn encoding_for(model: &str) -> Option<Encoding> {
    let exact = NAMES.iter().find(|(name, _)| *name == model);
    let found = exact.or_else(|| PREFIXES.iter().find(|(prefix, _)| model.starts_with(prefix)));
    // A fine-tuned model has the encoding of its base, also where the base is newer than the list of prefixes.
    match (found, model.strip_prefix("ft:").and_then(|rest| rest.split(':').next())) {
        (_, Some(base)) if encoding_for(base).is_some() => encoding_for(base),
        (found, _) => found.map(|(_, encoding)| *encoding),
    }
}

/// Whether a model thinks before it answers: such models frame their prompts a little differently.
pub(crate) fn is_reasoning(model: &str) -> bool {
    ["o1", "o3", "o4-mini", "gpt-5"].iter().any(|family| model.starts_with(family))
}

/// Whether a model makes embeddings.
pub(crate) fn is_embedding(model: &str) -> bool {
    model.starts_with("text-embedding")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_and_prefix_has_its_encoding() {
        for (name, encoding) in NAMES {
            assert_eq!(encoding_for(name), Some(*encoding), "{name}");
        }
        for (prefix, encoding) in PREFIXES {
            assert_eq!(encoding_for(&format!("{prefix}x")), Some(*encoding), "{prefix}x");
        }
    }

    #[test]
    fn near_names_are_told_apart() {
        for (model, encoding) in [
            ("gpt-4o-mini", Some(O200kBase)),
            ("gpt-4-turbo", Some(Cl100kBase)),
            ("gpt-4-32k-0613", Some(Cl100kBase)),
            ("gpt-5.6", Some(O200kBase)),
            ("o3-pro", Some(O200kBase)),
            ("o1-mini", Some(O200kBase)),
            ("ft:gpt-4o-2024-08-06:org::id", Some(O200kBase)),
            ("ft:gpt-4-0613:org::id", Some(Cl100kBase)),
            ("ft:gpt-4.1-mini:org::id", Some(O200kBase)),
            ("gpt-oss-20b", Some(O200kBase)),
            ("gpt-4.5", None),
            ("gpt-6-astra", None),
            ("o4", None),
            ("my-deployment", None),
            ("", None),
            ("ft:", None),
        ] {
            assert_eq!(encoding_for(model), encoding, "{model}");
        }
    }

    #[test]
    fn the_reference_has_the_same_table() {
        use tiktoken_rs::tokenizer::{Tokenizer, get_tokenizer};
        let models = NAMES.iter().map(|(name, _)| (*name).to_owned());
        for model in models.chain(PREFIXES.iter().map(|(prefix, _)| format!("{prefix}-x"))) {
            let ours = encoding_for(&model);
            match get_tokenizer(&model) {
                Some(Tokenizer::Cl100kBase) => assert_eq!(ours, Some(Cl100kBase), "{model}"),
                Some(_) => assert_eq!(ours, Some(O200kBase), "{model}"),
                None => {}
            }
        }
    }
}
