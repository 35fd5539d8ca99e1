//! A result line, in any of its shapes.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    row::Row,
    text::{Text, any},
};

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    custom_id: Text<'a>,
    #[serde(borrow, default)]
    response: Option<Response<'a>>,
    #[serde(borrow, default)]
    error: Option<Failure<'a>>,
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(default)]
    status_code: Option<i64>,
    #[serde(borrow, default)]
    request_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Failure<'a> {
    #[serde(borrow, default)]
    code: Option<&'a RawValue>,
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
}

/// What is not there, or of another kind, is left out: a body is what some model's server made.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body<'a> {
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    #[serde(borrow)]
    choices: Option<Vec<Choice<'a>>>,
    #[serde(borrow)]
    output: Option<Vec<Item<'a>>>,
    #[serde(borrow)]
    status: Option<&'a RawValue>,
    #[serde(borrow)]
    incomplete_details: Option<Incomplete<'a>>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, default)]
    message: Option<Message<'a>>,
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    finish_reason: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    refusal: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow, default)]
    content: Option<Vec<Part<'a>>>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    refusal: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Incomplete<'a> {
    #[serde(borrow, default)]
    reason: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Usage {
    #[serde(alias = "input_tokens")]
    prompt_tokens: Option<i64>,
    #[serde(alias = "output_tokens")]
    completion_tokens: Option<i64>,
    #[serde(alias = "input_tokens_details")]
    prompt_tokens_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    #[serde(default)]
    cached_tokens: Option<i64>,
}

/// The row of a result line, without the fields of its request.
pub(crate) fn parse(line: &[u8]) -> serde_json::Result<Row<'_>> {
    let Line { custom_id, response, error } = serde_json::from_slice(line)?;
    let mut row = Row { custom_id: custom_id.0, ..Row::default() };
    if let Some(response) = response {
        row.status = response.status_code;
        row.request_id = response.request_id.map(|id| id.0);
        if let Some(body) = response.body {
            row.fill(body);
        }
    }
    if let Some(error) = error {
        row.error_code = error.code.and_then(any);
        row.error_message = error.message.and_then(any);
    }
    Ok(row)
}

impl<'a> Row<'a> {
    fn fill(&mut self, body: &'a RawValue) {
        // A body of some other kind says nothing that a column could hold.
        let Ok(body) = serde_json::from_str::<Body<'a>>(body.get()) else { return };
        self.model = body.model.and_then(any);
        if let Some(usage) = body.usage {
            (self.prompt_tokens, self.completion_tokens) = (usage.prompt_tokens, usage.completion_tokens);
            self.cached_tokens = usage.prompt_tokens_details.and_then(|details| details.cached_tokens);
        }
        if let Some(choice) = body.choices.and_then(|choices| choices.into_iter().next()) {
            self.finish_reason = choice.finish_reason.and_then(any);
            self.content = choice.text.and_then(any);
            if let Some(message) = choice.message {
                self.content = message.content.and_then(any);
                self.refusal = message.refusal.and_then(any);
            }
        } else if let Some(items) = body.output {
            self.texts(items);
            let reason = body.incomplete_details.and_then(|details| details.reason).and_then(any);
            self.finish_reason = reason.or_else(|| body.status.and_then(any));
        }
        if !self.status.is_some_and(|status| (200..300).contains(&status)) {
            let failure = body.error.and_then(|error| serde_json::from_str::<Failure<'a>>(error.get()).ok());
            if let Some(failure) = failure {
                self.error_code = failure.code.and_then(any);
                self.error_message = failure.message.and_then(any);
            } else {
                self.error_message = body.error.and_then(any);
            }
        }
    }

    /// The texts of the Responses API, one after the other.
    fn texts(&mut self, items: Vec<Item<'a>>) {
        for part in items.into_iter().filter_map(|item| item.content).flatten() {
            for (column, value) in [(&mut self.content, part.text), (&mut self.refusal, part.refusal)] {
                let Some(text) = value.and_then(any) else { continue };
                *column = Some(match column.take() {
                    Some(before) => Cow::Owned(before.into_owned() + &text),
                    None => text,
                });
            }
        }
    }
}
