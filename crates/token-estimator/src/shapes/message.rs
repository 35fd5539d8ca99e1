//! Messages of chats, and their framing.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::content::{Content, Known};
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
#[serde(bound(deserialize = "C: Deserialize<'de>, 'de: 'a"))]
struct Message<'a, C> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    content: Option<C>,
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

/// The tokens of an array of messages; `None` if it is none. With tools, the first message of the system ends in a line break.
pub(super) fn count_array(counter: &Counter<'_>, messages: &RawValue, tools: bool) -> Option<Messages> {
    // All at once takes half the time of one by one; but then, a message that is odd spoils all of them.
    if let Ok(known) = serde_json::from_str::<Vec<Message<'_, Known<'_>>>>(messages.get()) {
        let mut all = Messages { tally: Tally::ZERO, has_system: false };
        known.iter().for_each(|message| all.add(counter, message, tools));
        return Some(all);
    }
    let messages = serde_json::from_str(messages.get()).ok()?;
    Some(count_messages(counter, messages, tools))
}

/// The tokens of messages, each of which may be odd.
pub(super) fn count_messages(counter: &Counter<'_>, messages: Vec<&RawValue>, tools: bool) -> Messages {
    let mut all = Messages { tally: Tally::ZERO, has_system: false };
    for message in messages {
        match serde_json::from_str::<Message<'_, &RawValue>>(message.get()) {
            Ok(message) => all.add(counter, &message, tools),
            Err(_) => all.tally += counter.bytes(message.get().len()),
        }
    }
    all
}

impl Messages {
    fn add(&mut self, counter: &Counter<'_>, message: &Message<'_, impl Content>, tools: bool) {
        let is_first_system = is_system(&message.role) && !self.has_system;
        self.has_system |= is_first_system;
        self.tally += count_message(counter, message, tools && is_first_system);
    }
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

fn count_message(counter: &Counter<'_>, message: &Message<'_, impl Content>, padded: bool) -> Tally {
    let mut tally = framing(counter, &message.role);
    if let Some(content) = &message.content {
        tally += content.count(counter, padded);
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
