//! The `input` of embeddings and responses, and the `prompt` of completions.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::content::Text;
use super::message::{Call, Messages, count_call, count_messages, count_plain};
use crate::Provenance;
use crate::encoding::is_embedding;
use crate::tally::Tally;
use crate::text::Counter;

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    output: Option<Cow<'a, str>>,
}

/// Whether an input is nothing but texts or tokens, as for embeddings. A single text may also be a message for a
/// model that answers; which it is, the model tells.
pub(super) fn is_text_only(counter: &Counter<'_>, input: &RawValue) -> bool {
    let mut significant = input.get().bytes().filter(|b| !b.is_ascii_whitespace());
    match (significant.next(), significant.next()) {
        (Some(b'['), Some(b'{')) => false,
        (Some(b'['), _) => true,
        _ => is_embedding(counter.model),
    }
}

/// The tokens of a text, texts, tokens or arrays of tokens. Tokens count as they are.
pub(super) fn count_texts(counter: &Counter<'_>, input: &RawValue) -> Tally {
    if !input.get().starts_with('[') {
        return count_one(counter, input);
    }
    match serde_json::from_str::<Vec<&RawValue>>(input.get()) {
        Ok(items) => items.into_iter().map(|item| count_one(counter, item)).sum(),
        Err(_) => counter.bytes(input.get().len()),
    }
}

fn count_one(counter: &Counter<'_>, item: &RawValue) -> Tally {
    let known = match item.get().as_bytes().first() {
        Some(b'"') => serde_json::from_str::<Text<'_>>(item.get()).ok().map(|Text(text)| counter.text(&text)),
        Some(b'0'..=b'9') => Some(Tally::text(1, Provenance::Exact)),
        Some(b'[') => serde_json::from_str::<Vec<IgnoredAny>>(item.get())
            .ok()
            .and_then(|tokens| i64::try_from(tokens.len()).ok())
            .map(|tokens| Tally::text(tokens, Provenance::Exact)),
        _ => None,
    };
    known.unwrap_or_else(|| counter.bytes(item.get().len()))
}

/// The tokens of a response's input. Its framing is not published: it is taken to be that of a chat.
pub(super) fn count_items(
    counter: &Counter<'_>,
    instructions: Option<&str>,
    input: &RawValue,
    tools: bool,
) -> Messages {
    let mut all = Messages { tally: Tally::ZERO.by_rule(), has_system: false };
    if let Some(instructions) = instructions {
        all.has_system = true;
        all.tally += count_plain(counter, "system", instructions, tools);
    }
    if let Ok(Text(text)) = serde_json::from_str(input.get()) {
        all.tally += count_plain(counter, "user", &text, false);
        return all;
    }
    let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(input.get()) else {
        all.tally += counter.bytes(input.get().len());
        return all;
    };
    let mut messages = Vec::new();
    for item in items {
        match count_other(counter, item) {
            Some(tally) => all.tally += tally,
            None => messages.push(item),
        }
    }
    let messages = count_messages(counter, messages, tools && !all.has_system);
    all.tally += messages.tally;
    all.has_system |= messages.has_system;
    all
}

/// The tokens of an item that is no message.
fn count_other(counter: &Counter<'_>, item: &RawValue) -> Option<Tally> {
    let unknown = || counter.bytes(item.get().len());
    let Ok(parsed) = serde_json::from_str::<Item<'_>>(item.get()) else { return Some(unknown()) };
    match parsed.kind.as_deref() {
        None | Some("message") => None,
        Some("function_call") => Some(match serde_json::from_str::<Call<'_>>(item.get()) {
            Ok(call) => count_plain(counter, "assistant", "", false) + count_call(counter, &call),
            Err(_) => unknown(),
        }),
        Some("function_call_output") => Some(match parsed.output {
            Some(output) => count_plain(counter, "tool", &output, false),
            None => unknown(),
        }),
        Some(_) => Some(unknown()),
    }
}
