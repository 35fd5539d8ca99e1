//! Whole bodies: what kind they are, and what stands beside the messages.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::input;
use super::message::{Messages, count_array};
use crate::encoding::is_reasoning;
use crate::tally::Tally;
use crate::text::Counter;
use crate::tools::{count_schema, count_tools};

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    messages: Option<&'a RawValue>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    #[serde(borrow)]
    instructions: Option<Cow<'a, str>>,
    #[serde(borrow)]
    prompt: Option<&'a RawValue>,
    #[serde(borrow)]
    tools: Option<&'a RawValue>,
    #[serde(borrow)]
    functions: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_choice: Option<&'a RawValue>,
    #[serde(borrow)]
    function_call: Option<&'a RawValue>,
    #[serde(borrow)]
    response_format: Option<&'a RawValue>,
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    // Raw, so that an odd value spoils nothing else.
    #[serde(borrow)]
    max_completion_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    max_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    max_output_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    n: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    function: Option<ChosenFunction<'a>>,
}

#[derive(Deserialize)]
struct ChosenFunction<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

#[derive(Deserialize)]
struct TextOptions<'a> {
    #[serde(borrow)]
    format: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Format<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    json_schema: Option<&'a RawValue>,
}

/// The prompt tokens of a body, and how many tokens it allows as output, where it says so.
pub(crate) fn count(counter: &Counter<'_>, body: &RawValue) -> (Tally, Option<u64>) {
    let all = || counter.bytes(body.get().len());
    let Ok(parts) = serde_json::from_str::<Body<'_>>(body.get()) else { return (all(), None) };
    if let Some(messages) = parts.messages {
        let tally = framed(counter, &parts, |tools| count_array(counter, messages, tools));
        return (tally.unwrap_or_else(all), parts.output_of_chat());
    }
    match (parts.input, parts.prompt) {
        // Embeddings are answered by vectors.
        (Some(input), _) if input::is_text_only(counter, input) && parts.instructions.is_none() => {
            (input::count_texts(counter, input), Some(parts.output_of_response().unwrap_or(0)))
        }
        (Some(input), _) => {
            let tally = framed(counter, &parts, |tools| {
                Some(input::count_items(counter, parts.instructions.as_deref(), input, tools))
            });
            (tally.unwrap_or_else(all), parts.output_of_response())
        }
        // The older completions: text as it is, framed by nothing.
        (None, Some(prompt)) => (input::count_texts(counter, prompt).by_rule(), parts.output_of_chat()),
        (None, None) => (all(), parts.output_of_chat().or_else(|| parts.output_of_response())),
    }
}

impl Body<'_> {
    /// The tokens that all answers of a chat may have together.
    fn output_of_chat(&self) -> Option<u64> {
        // The older name counts only where the newer one is not used.
        let each = number(self.max_completion_tokens).or_else(|| number(self.max_tokens))?;
        Some(each.saturating_mul(number(self.n).unwrap_or(1).max(1)))
    }

    /// The tokens that a response may have: there is always one.
    fn output_of_response(&self) -> Option<u64> {
        number(self.max_output_tokens)
    }
}

fn number(value: Option<&RawValue>) -> Option<u64> {
    serde_json::from_str(value?.get()).ok()
}

/// Messages, if they are some, and what the service puts around them.
fn framed(
    counter: &Counter<'_>,
    body: &Body<'_>,
    messages: impl FnOnce(bool) -> Option<Messages>,
) -> Option<Tally> {
    let tools = [body.tools, body.functions].into_iter().flatten();
    let tools = tools.filter_map(|tools| count_tools(counter, tools)).reduce(|sum, next| sum + next);
    let messages = messages(tools.is_some())?;
    // The answer is primed with its role.
    let mut tally = messages.tally + Tally::overhead(if is_reasoning(counter.model) { 2 } else { 3 });
    if let Some(tools) = tools {
        // The declarations join the system message, if there is one, instead of making one.
        let joined = Tally::overhead(if messages.has_system { -4 } else { 0 });
        tally += (tools + joined).as_tool();
        tally += chosen(counter, body.tool_choice, 7) + chosen(counter, body.function_call, 4);
    }
    Some(tally + schema(counter, body))
}

/// What it costs to demand a function or to forbid all.
fn chosen(counter: &Counter<'_>, choice: Option<&RawValue>, named: i64) -> Tally {
    let Some(choice) = choice else { return Tally::ZERO };
    if choice.get() == "\"none\"" {
        return Tally::overhead(1).as_tool().by_rule();
    }
    let choice: Option<Choice<'_>> = serde_json::from_str(choice.get()).ok();
    match choice.and_then(|choice| choice.function.map(|f| f.name).or(choice.name)) {
        Some(name) => (counter.text(&name) + Tally::overhead(named)).as_tool().by_rule(),
        None => Tally::ZERO,
    }
}

fn schema(counter: &Counter<'_>, body: &Body<'_>) -> Tally {
    // Chat completions hold the schema one level deeper than responses.
    let format = body.response_format.or_else(|| {
        let text: TextOptions<'_> = serde_json::from_str(body.text?.get()).ok()?;
        text.format
    });
    let Some(format) = format else { return Tally::ZERO };
    match serde_json::from_str::<Format<'_>>(format.get()) {
        Ok(Format { kind: Some(kind), json_schema }) if kind == "json_schema" => {
            count_schema(counter, json_schema.unwrap_or(format))
        }
        _ => Tally::ZERO,
    }
}
