//! One request line, checked.

use std::borrow::Cow;

use aoai_batch_client::endpoint_family;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::report::FindingCode;
use crate::options::{LimitOptions, ServiceOptions};

/// What the lines of a file must obey.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The batch's endpoint; lines must be of its family.
    pub batch_endpoint: String,
    /// What the lines must name as `model`; `None`: anything, as long as it is one.
    pub deployment: Option<String>,
    /// The lines' `model` will be rewritten, so it may be anything.
    pub set_model: bool,
    /// Sizes.
    pub limits: LimitOptions,
}

impl Rules {
    /// The rules of a pipeline.
    #[must_use]
    pub fn new(service: &ServiceOptions, limits: &LimitOptions) -> Self {
        Self {
            batch_endpoint: service.batch_endpoint.clone(),
            deployment: service.deployment.clone(),
            set_model: service.set_model,
            limits: limits.clone(),
        }
    }

    /// The name that `model` is rewritten to.
    pub(crate) fn new_model(&self) -> Option<&str> {
        self.deployment.as_deref().filter(|_| self.set_model)
    }
}

/// A line of a part's index: in the order of the input, one for each request.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct IndexLine<'a> {
    /// First byte in the input.
    #[serde(rename = "o")]
    pub offset: u64,
    /// Bytes, without the line end.
    #[serde(rename = "l")]
    pub length: u64,
    /// The `custom_id`.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
}

/// What a valid line says.
pub(super) struct Request<'a> {
    pub(super) custom_id: Cow<'a, str>,
    pub(super) model: Cow<'a, str>,
    /// Length of the JSON text of `model`, quotes included.
    pub(super) model_length: usize,
    pub(super) body: &'a RawValue,
}

/// What is wrong with a line.
pub(super) struct Wrong {
    pub(super) code: FindingCode,
    pub(super) message: String,
    pub(super) hint: &'static str,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    custom_id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<&'a RawValue>,
    #[serde(borrow)]
    url: Option<&'a RawValue>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    #[serde(borrow)]
    messages: Option<&'a RawValue>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

const SHAPE: &str = r#"a request line is {"custom_id":"…","method":"POST","url":"…","body":{"model":"…",…}}"#;

/// Checks one line by itself. All that is wrong with its fields goes to `wrong`, not just the first.
pub(super) fn check<'a>(text: &'a str, rules: &Rules, wrong: &mut Vec<Wrong>) -> Option<Request<'a>> {
    let before = wrong.len();
    let mut add = |code, message: String, hint| wrong.push(Wrong { code, message, hint });
    if text.trim().is_empty() {
        let message = "the line is empty, expected a JSON object".to_owned();
        add(FindingCode::InvalidJsonLine, message, "remove the empty line");
        return None;
    }
    let line: Line<'a> = match serde_json::from_str(text) {
        Ok(line) => line,
        Err(error) => {
            let message = format!("not a valid JSON object: {}", without_position(&error));
            add(FindingCode::InvalidJsonLine, message, SHAPE);
            return None;
        }
    };

    let custom_id = string(line.custom_id).filter(|id| !id.is_empty());
    if custom_id.is_none() {
        add(FindingCode::InvalidRequest, expected("custom_id", "a non-empty string", line.custom_id), SHAPE);
    }
    if string(line.method).as_deref() != Some("POST") {
        add(
            FindingCode::InvalidRequest,
            expected("method", "\"POST\"", line.method),
            "set \"method\":\"POST\"",
        );
    }
    match string(line.url) {
        Some(url) if endpoint_family(&url) == endpoint_family(&rules.batch_endpoint) => {}
        Some(_) => add(
            FindingCode::UrlMismatch,
            expected("url", &format!("\"{}\"", rules.batch_endpoint), line.url),
            "make the url of every line equal to service.batch_endpoint, or the other way round",
        ),
        None => add(FindingCode::InvalidRequest, expected("url", "a string", line.url), SHAPE),
    }
    let body = line.body.filter(|body| body.get().starts_with('{'));
    let Some(body) = body else {
        add(FindingCode::InvalidRequest, expected("body", "an object", line.body), SHAPE);
        return None;
    };
    let model = check_body(body, rules, &mut add);
    match (custom_id, model) {
        (Some(custom_id), Some((model, model_length))) if wrong.len() == before => {
            Some(Request { custom_id, model, model_length, body })
        }
        _ => None,
    }
}

fn check_body<'a>(
    body: &'a RawValue,
    rules: &Rules,
    add: &mut impl FnMut(FindingCode, String, &'static str),
) -> Option<(Cow<'a, str>, usize)> {
    let fields: Body<'a> = match serde_json::from_str(body.get()) {
        Ok(fields) => fields,
        Err(error) => {
            add(FindingCode::InvalidJsonLine, format!("in body: {}", without_position(&error)), SHAPE);
            return None;
        }
    };
    let family = endpoint_family(&rules.batch_endpoint);
    let (field, value) = match family.as_str() {
        "chat/completions" => ("messages", fields.messages),
        "responses" | "embeddings" => ("input", fields.input),
        _ => ("", None),
    };
    match value.map(RawValue::get) {
        _ if field.is_empty() => {}
        Some(text) if text.starts_with('[') && field == "messages" && !is_empty_array(text) => {}
        Some(text) if field == "input" && text != "null" => {}
        _ => {
            let kind = if field == "messages" { "a non-empty array" } else { "a string or an array" };
            add(FindingCode::InvalidRequest, content(field, kind, value), SHAPE);
        }
    }
    let model = string(fields.model).filter(|model| !model.is_empty());
    let Some(model) = model else {
        let message = expected("body.model", "the name of a deployment", fields.model);
        add(FindingCode::InvalidRequest, message, "name the batch deployment in body.model of every line");
        return None;
    };
    if let Some(deployment) = rules.deployment.as_deref().filter(|name| !rules.set_model && *name != model) {
        add(
            FindingCode::ModelMismatch,
            format!("body.model is \"{}\", expected the deployment \"{deployment}\"", excerpt(&model)),
            "name service.deployment in every line, or let service.set_model = true rewrite them",
        );
    }
    Some((model, fields.model.map_or(0, |raw| raw.get().len())))
}

fn is_empty_array(text: &str) -> bool {
    text[1..].trim_start().starts_with(']')
}

fn string<'a>(raw: Option<&'a RawValue>) -> Option<Cow<'a, str>> {
    let text = raw?.get();
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(text).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

fn expected(field: &str, what: &str, found: Option<&RawValue>) -> String {
    match found {
        None => format!("{field} is missing, expected {what}"),
        Some(raw) => format!("{field} is {}, expected {what}", excerpt(raw.get())),
    }
}

/// What is wrong with the content of a request, without quoting it: prompts do not belong in reports.
fn content(field: &str, what: &str, found: Option<&RawValue>) -> String {
    let found = match found.map(|raw| raw.get().as_bytes()) {
        None => "missing",
        Some([b'[', ..]) => "an empty array",
        Some([b'"', ..]) => "a string",
        Some([b'{', ..]) => "an object",
        Some(b"null") => "null",
        Some(_) => "a number or a boolean",
    };
    format!("body.{field} is {found}, expected {what}")
}

/// Enough of a value to recognise it. Only fields of the envelope are ever quoted.
fn excerpt(text: &str) -> Cow<'_, str> {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// serde_json says `… at line 1 column N`; the line is always 1 here, so only the column helps.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
    format!("{message} (column {})", error.column())
}
