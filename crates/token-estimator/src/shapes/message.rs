//! Messages of chats, and their framing.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::content::count_content;
use crate::tally::Tally;
use crate::text::Counter;

const PER_MESSAGE: i64 = 3;
const PER_NAME: i64 = 1;
const PER_CALL: i64 = 3;
/// A result of a function is framed by less.
const FUNCTION_ROLE: i64 = -2;

/// What messages cost, and whether one of them is the system's.
pub(super) struct Messages {
    pub(super) tally: Tally,
    pub(super) has_system: bool,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    refusal: Option<Cow<'a, str>>,
    #[serde(borrow)]
    function_call: Option<Call<'a>>,
    #[serde(borrow)]
    tool_calls: Option<Vec<ToolCall<'a>>>,
}

#[derive(Deserialize)]
pub(super) struct Call<'a> {
    #[serde(borrow, default)]
    pub(super) name: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) arguments: Cow<'a, str>,
}

#[derive(Deserialize)]
struct ToolCall<'a> {
    #[serde(borrow)]
    function: Option<Call<'a>>,
}

/// The tokens of messages. With tools, the first message of the system ends in a line break.
pub(super) fn count_messages(counter: &Counter<'_>, messages: Vec<&RawValue>, tools: bool) -> Messages {
    let mut all = Messages { tally: Tally::ZERO, has_system: false };
    for message in messages {
        all.tally += match serde_json::from_str::<Message<'_>>(message.get()) {
            Ok(message) => {
                let is_first_system = is_system(&message.role) && !all.has_system;
                all.has_system |= is_first_system;
                count_message(counter, &message, tools && is_first_system)
            }
            Err(_) => counter.bytes(message.get().len()),
        };
    }
    all
}

/// The tokens of a message of this role that is nothing but text.
pub(super) fn count_plain(counter: &Counter<'_>, role: &str, text: &str, padded: bool) -> Tally {
    let text = if padded { Cow::from(format!("{text}\n")) } else { Cow::from(text) };
    framing(counter, role) + counter.text(&text)
}

/// The tokens of a call of a function by the model.
pub(super) fn count_call(counter: &Counter<'_>, call: &Call<'_>) -> Tally {
    counter.text(&call.name) + counter.text(&call.arguments) + Tally::overhead(PER_CALL).by_rule()
}

/// Developers speak where the system spoke.
pub(super) fn is_system(role: &str) -> bool {
    matches!(role, "system" | "developer")
}

fn count_message(counter: &Counter<'_>, message: &Message<'_>, padded: bool) -> Tally {
    let mut tally = framing(counter, &message.role);
    if let Some(content) = message.content {
        tally += count_content(counter, content, padded);
    }
    if let Some(name) = message.name.as_deref().filter(|name| !name.is_empty()) {
        tally += counter.text(name) + Tally::overhead(PER_NAME);
    }
    if let Some(refusal) = &message.refusal {
        tally += counter.text(refusal);
    }
    match &*message.role {
        "function" => tally = (tally + Tally::overhead(FUNCTION_ROLE)).by_rule(),
        // How the service frames the results of tools is not published; as a message it is near.
        "tool" => tally = tally.by_rule(),
        _ => {}
    }
    let calls = message.tool_calls.iter().flatten().filter_map(|call| call.function.as_ref());
    tally + message.function_call.iter().chain(calls).map(|call| count_call(counter, call)).sum()
}

/// What stands around a message: its role is no text of the user's.
fn framing(counter: &Counter<'_>, role: &str) -> Tally {
    Tally::overhead(PER_MESSAGE) + counter.text(role).as_overhead()
}
