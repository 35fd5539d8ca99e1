//! What a request asks its answer to be.

use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    body: Option<Body<'a>>,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    response_format: Option<&'a RawValue>,
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Text<'a> {
    #[serde(borrow, default)]
    format: Option<Format<'a>>,
}

#[derive(Deserialize)]
struct Format<'a> {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(borrow, default)]
    json_schema: Option<Named<'a>>,
    /// Of the Responses API.
    #[serde(borrow, default)]
    schema: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow, default)]
    schema: Option<&'a RawValue>,
}

/// What an answer must be.
pub(crate) enum Wanted<'a> {
    Anything,
    Object,
    Schema(&'a RawValue),
}

/// What a request line asks for.
pub(crate) fn wanted(line: &[u8]) -> serde_json::Result<Wanted<'_>> {
    let Some(body) = serde_json::from_slice::<Line<'_>>(line)?.body else { return Ok(Wanted::Anything) };
    // What is no format asks for nothing; and completions have a `text` that is none of ours.
    let format = match body.response_format {
        Some(format) => serde_json::from_str::<Format<'_>>(format.get()).ok(),
        None => body.text.and_then(|text| serde_json::from_str::<Text<'_>>(text.get()).ok()?.format),
    };
    Ok(match format {
        Some(format) if format.kind == "json_schema" => {
            match format.json_schema.and_then(|named| named.schema).or(format.schema) {
                Some(schema) => Wanted::Schema(schema),
                None => Wanted::Anything,
            }
        }
        Some(format) if format.kind == "json_object" => Wanted::Object,
        _ => Wanted::Anything,
    })
}
