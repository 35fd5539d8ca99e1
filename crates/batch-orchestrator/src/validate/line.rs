//! One request line, checked.

use std::borrow::Cow;

use aoai_batch_client::{EndpointFamily, endpoint_family};
use serde_json::value::RawValue;

use super::{
    body::check_body,
    json::{Kind, half_character, string},
    parse::{Envelope, Family, parse},
    report::FindingCode,
};
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

/// What a line says, as far as it can be read.
#[derive(Default)]
pub(super) struct Request<'a> {
    pub(super) custom_id: Option<Cow<'a, str>>,
    pub(super) model: Option<Cow<'a, str>>,
    /// Length of the JSON text of `model`, quotes included.
    pub(super) model_length: usize,
    /// Where it was asked for.
    pub(super) body: Option<&'a RawValue>,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) code: FindingCode,
    pub(super) message: String,
    pub(super) hint: &'static str,
}

/// All that is wrong with a line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wrongs {
    pub(super) list: Vec<Wrong>,
    /// How many more [`FindingCode::InvalidRequest`] there are: those are not kept without end.
    pub(super) more: u64,
}

impl Wrongs {
    pub(super) fn add(&mut self, code: FindingCode, message: String, hint: &'static str) {
        self.list.push(Wrong { code, message, hint });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

pub(super) const SHAPE: &str =
    r#"a request line is {"custom_id":"…","method":"POST","url":"…","body":{"model":"…",…}}"#;

/// The rules, with what is worked out of them once for all lines.
#[derive(Debug)]
pub(super) struct Checker<'a> {
    pub(super) rules: &'a Rules,
    family: Family,
    endpoint: EndpointFamily,
    /// Whether the text of the bodies is wanted, to be counted.
    keep_body: bool,
    /// Length of the JSON text of the model that is written into every line.
    pub(super) new_model_length: Option<usize>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(rules: &'a Rules, keep_body: bool) -> Self {
        let endpoint = endpoint_family(&rules.batch_endpoint);
        let new_model_length = rules
            .new_model()
            .map(|name| serde_json::to_string(name).map_or(name.len() + 2, |text| text.len()));
        Self { rules, family: Family::of(&rules.batch_endpoint), endpoint, keep_body, new_model_length }
    }

    /// Checks one line by itself. All that is wrong with its fields goes to `wrong`, not just the first.
    pub(super) fn check<'l>(&self, text: &'l str, wrong: &mut Wrongs) -> Request<'l> {
        if let Some(not_json) = not_json(text) {
            wrong.list.push(not_json);
            return Request::default();
        }
        let mut line = Envelope::default();
        match parse(text, self.family, self.keep_body, &mut line) {
            Ok(Ok(())) => {}
            Ok(Err(kind)) => {
                let message = format!("not a valid JSON object: the line is {}", kind.name());
                wrong.add(FindingCode::InvalidJsonLine, message, SHAPE);
                return Request::default();
            }
            Err(error) => {
                wrong.list.push(syntax(text, &error));
                return Request::default();
            }
        }
        if let Some(at) = half_character(text) {
            let message = format!(
                "not a valid JSON object: a \\u escape is half a character, a lone surrogate (column {})",
                at + 1
            );
            let hint = "write the other half too, or the replacement character \\ufffd";
            wrong.add(FindingCode::InvalidJsonLine, message, hint);
            return Request::default();
        }
        self.check_fields(&mut line, wrong)
    }

    fn check_fields<'l>(&self, line: &mut Envelope<'l>, wrong: &mut Wrongs) -> Request<'l> {
        for key in &line.twice {
            let message = format!("{} is there twice, expected it once", excerpt(key));
            wrong.add(FindingCode::InvalidJsonLine, message, "remove one of them");
        }
        let custom_id = string(line.custom_id).filter(|id| !id.is_empty());
        if custom_id.is_none() {
            wrong.add(
                FindingCode::InvalidRequest,
                expected("custom_id", "a non-empty string", line.custom_id),
                SHAPE,
            );
        }
        if string(line.method).as_deref() != Some("POST") {
            wrong.add(
                FindingCode::InvalidRequest,
                expected("method", "\"POST\"", line.method),
                "set \"method\":\"POST\"",
            );
        }
        match string(line.url) {
            Some(url) if self.is_endpoint(&url) => {}
            Some(_) => wrong.add(
                FindingCode::UrlMismatch,
                expected("url", &format!("\"{}\"", self.rules.batch_endpoint), line.url),
                "make the url of every line equal to service.batch_endpoint, or the other way round",
            ),
            None => wrong.add(FindingCode::InvalidRequest, expected("url", "a string", line.url), SHAPE),
        }
        if line.body != Some(Ok(())) {
            let found = line.body.and_then(Result::err).map_or("missing", Kind::name);
            let message = format!("body is {found}, expected an object");
            wrong.add(FindingCode::InvalidRequest, message, SHAPE);
            return Request { custom_id, ..Request::default() };
        }
        let checked = check_body(&mut line.fields, self.family, self.rules, wrong);
        let (model, model_length) = checked.unzip();
        Request { custom_id, model, model_length: model_length.unwrap_or(0), body: line.raw_body }
    }

    fn is_endpoint(&self, url: &str) -> bool {
        url == self.rules.batch_endpoint || endpoint_family(url) == self.endpoint
    }
}

/// What is no JSON at all, by the ways in which that comes about.
fn not_json(text: &str) -> Option<Wrong> {
    let invalid = |code, message: &str, hint| Some(Wrong { code, message: message.to_owned(), hint });
    match text.as_bytes().first() {
        Some(b'{') => None,
        _ if text.trim().is_empty() => invalid(
            FindingCode::InvalidJsonLine,
            "the line is empty, expected a JSON object",
            "remove the empty line",
        ),
        _ if text.starts_with('\u{feff}') => invalid(
            FindingCode::InvalidEncoding,
            "the line starts with a byte order mark (EF BB BF), expected a JSON object",
            "remove it: it stays where files were joined",
        ),
        _ => None,
    }
}

/// What is not valid JSON, with the place and with what mostly is the reason.
fn syntax(text: &str, error: &serde_json::Error) -> Wrong {
    let hint = if memchr::memchr(0, text.as_bytes()).is_some() {
        "the line has NUL bytes: the file was not written to its end, or is not text; write it again"
    } else if error.is_eof() {
        "the line ends too early: write one whole JSON object in each line, and the file to its end"
    } else if memchr::memchr(b'\r', text.as_bytes()).is_some() {
        "the line has carriage returns: end lines with a line feed, and write those in strings as \\r"
    } else {
        SHAPE
    };
    let message = format!("not a valid JSON object: {}", without_position(error));
    Wrong { code: FindingCode::InvalidJsonLine, message, hint }
}

pub(super) fn expected(field: &str, what: &str, found: Option<&RawValue>) -> String {
    match found {
        None => format!("{field} is missing, expected {what}"),
        Some(raw) => format!("{field} is {}, expected {what}", excerpt(raw.get())),
    }
}

/// Enough of a value to recognise it. Only fields of the envelope and the model are ever quoted. Control characters
/// are escaped: a report is shown on terminals.
pub(super) fn excerpt(text: &str) -> Cow<'_, str> {
    const SHOWN: usize = 60;
    let (shown, more) = match text.char_indices().nth(SHOWN) {
        Some((end, _)) => (&text[..end], "…"),
        None => (text, ""),
    };
    if shown.contains(char::is_control) {
        let escape = |c: char| if c.is_control() { c.escape_unicode().to_string() } else { c.to_string() };
        return Cow::Owned(shown.chars().map(escape).chain([more.to_owned()]).collect());
    }
    if more.is_empty() { Cow::Borrowed(shown) } else { Cow::Owned(format!("{shown}{more}")) }
}

/// serde_json says `… at line 1 column N`; the line is always 1 here, so only the column helps.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
    format!("{message} (column {})", error.column())
}
