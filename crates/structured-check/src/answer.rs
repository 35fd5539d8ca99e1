//! What an answer says.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    response: Option<Response<'a>>,
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
}

/// Whatever some model's server made of it: what is of another kind than expected is no text, and not an error.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    choices: Option<Vec<Choice<'a>>>,
    #[serde(borrow, default)]
    output: Option<Vec<Item<'a>>>,
    #[serde(borrow, default)]
    status: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, default)]
    message: Option<Message<'a>>,
    #[serde(borrow, default)]
    finish_reason: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow, default)]
    content: Option<Vec<Part<'a>>>,
}

#[derive(Default, Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    refusal: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    refusal: Option<&'a RawValue>,
}

fn text(value: Option<&RawValue>) -> Option<Cow<'_, str>> {
    serde_json::from_str(value?.get()).ok()
}

/// One answer of a line.
#[derive(Debug, Default)]
pub(crate) struct Said<'a> {
    /// Where it stands, for people.
    pub(crate) place: String,
    pub(crate) text: Option<Cow<'a, str>>,
    pub(crate) is_refusal: bool,
    /// Whether it was cut off.
    pub(crate) is_cut: bool,
}

/// The answers of a result line; none where there is no body.
pub(crate) fn said(line: &[u8]) -> serde_json::Result<Vec<Said<'_>>> {
    let line: Line<'_> = serde_json::from_slice(line)?;
    let Some(body) = line.response.and_then(|response| response.body) else { return Ok(Vec::new()) };
    let Ok(body) = serde_json::from_str::<Body<'_>>(body.get()) else {
        return Ok(vec![Said { place: "body".to_owned(), ..Said::default() }]);
    };
    if let Some(choices) = body.choices {
        let one = |(number, choice): (usize, Choice<'_>)| {
            let message = choice.message.unwrap_or_default();
            Said {
                place: format!("choices[{number}]"),
                is_refusal: text(message.refusal).is_some(),
                text: text(message.content).map(|text| Cow::Owned(text.into_owned())),
                is_cut: text(choice.finish_reason).is_some_and(|reason| reason == "length"),
            }
        };
        return Ok(choices.into_iter().enumerate().map(one).collect());
    }
    let mut all = Said { place: "output".to_owned(), ..Said::default() };
    all.is_cut = text(body.status).is_some_and(|status| status == "incomplete");
    for part in body.output.into_iter().flatten().filter_map(|item| item.content).flatten() {
        all.is_refusal |= text(part.refusal).is_some();
        if let Some(text) = text(part.text) {
            all.text = Some(match all.text {
                Some(before) => Cow::Owned(before.into_owned() + &text),
                None => text,
            });
        }
    }
    Ok(vec![all])
}
