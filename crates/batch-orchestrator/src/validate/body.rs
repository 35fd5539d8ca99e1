//! The body of a request, as far as its shape is documented. What the service may know and we do not is let through:
//! it answers such a line with an error of its own, and the others with results.

use std::borrow::Cow;

use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{
    json::{Kind, is_empty, kind_name, present, string},
    line::{Rules, Wrongs, excerpt, expected},
    parse::{Body, Family},
    report::FindingCode::{InvalidJsonLine, InvalidRequest, ModelMismatch},
};

const MESSAGES: &str = r#"body.messages is [{"role":"user","content":"…"},…]"#;
const INPUT: &str = r#"body.input is "…" or ["…",…]"#;
const ITEMS: &str = r#"body.input is "…" or [{"role":"user","content":"…"},…]"#;

/// Checks a body; answers with its model, and the length of that in JSON.
pub(super) fn check_body<'a>(
    body: &mut Body<'a>,
    family: Family,
    rules: &Rules,
    wrong: &mut Wrongs,
) -> Option<(Cow<'a, str>, usize)> {
    for key in &body.twice {
        wrong.add(
            InvalidJsonLine,
            format!("body.{key} is there twice, expected it once"),
            "remove one of them",
        );
    }
    if body.others_twice > 0 {
        // What is no known field might be a piece of a prompt.
        let message =
            format!("body has keys that are there already ({}), expected each once", body.others_twice);
        wrong.add(InvalidJsonLine, message, "remove one of each two");
    }
    match family {
        Family::Chat => check_messages(body.messages.take(), wrong),
        Family::Responses => check_response(body, wrong),
        Family::Embeddings => check_embedding(body.input, wrong),
        Family::Other => {}
    }
    if body.stream.is_some_and(|stream| stream.get() == "true") {
        let message = "body.stream is true, expected none: a batch cannot stream".to_owned();
        wrong.add(InvalidRequest, message, "remove body.stream");
    }
    for (name, value) in body.numbers.into_iter().flatten() {
        if !is_positive_or_null(value) {
            let found = if Kind::of(value) == Kind::Number {
                "not positive or no integer"
            } else {
                kind_name(Some(value))
            };
            let message = format!("body.{name} is {found}, expected a positive integer");
            wrong.add(InvalidRequest, message, "correct it, or leave it out");
        }
    }
    check_model(body.model, rules, wrong)
}

fn check_model<'a>(
    raw: Option<&'a RawValue>,
    rules: &Rules,
    wrong: &mut Wrongs,
) -> Option<(Cow<'a, str>, usize)> {
    let Some(model) = string(raw).filter(|model| !model.is_empty()) else {
        let message = expected("body.model", "the name of a deployment", raw);
        wrong.add(InvalidRequest, message, "name the batch deployment in body.model of every line");
        return None;
    };
    if let Some(deployment) = rules.deployment.as_deref().filter(|name| !rules.set_model && *name != model) {
        wrong.add(
            ModelMismatch,
            format!("body.model is \"{}\", expected the deployment \"{deployment}\"", excerpt(&model)),
            "name service.deployment in every line, or let service.set_model = true rewrite them",
        );
    }
    Some((model, raw.map_or(0, |raw| raw.get().len())))
}

fn check_messages(messages: Option<Result<super::chat::Chat, Kind>>, wrong: &mut Wrongs) {
    match messages {
        Some(Ok(chat)) => {
            let (found, more) = chat.finish();
            for message in found {
                wrong.add(InvalidRequest, message, MESSAGES);
            }
            wrong.more += more;
        }
        other => {
            let found = other.and_then(Result::err).map_or("missing", Kind::name);
            wrong.add(
                InvalidRequest,
                format!("body.messages is {found}, expected a non-empty array"),
                MESSAGES,
            );
        }
    }
}

/// An input may be missing where a stored prompt or an earlier response takes its place.
fn check_response(body: &Body<'_>, wrong: &mut Wrongs) {
    const EXPECTED: &str = "expected a string or a non-empty array";
    match present(body.input) {
        None if body.instead_of_input => {}
        None => {
            wrong.add(InvalidRequest, format!("body.input is {}, {EXPECTED}", kind_name(body.input)), ITEMS)
        }
        Some((Kind::String, _)) => {}
        Some((Kind::Array, raw)) if is_empty(raw) => {
            wrong.add(InvalidRequest, format!("body.input is an empty array, {EXPECTED}"), ITEMS);
        }
        Some((Kind::Array, raw)) => {
            let mut other = None;
            each(raw, |at, item| {
                if Kind::of(item) != Kind::Object {
                    other.get_or_insert((at, Kind::of(item)));
                }
            });
            if let Some((at, kind)) = other {
                let message = format!("body.input[{at}] is {}, expected an object", kind.name());
                wrong.add(InvalidRequest, message, ITEMS);
            }
        }
        Some((kind, _)) => {
            wrong.add(InvalidRequest, format!("body.input is {}, {EXPECTED}", kind.name()), ITEMS)
        }
    }
    if let Some((kind, _)) = present(body.instructions).filter(|(kind, _)| *kind != Kind::String) {
        let message = format!("body.instructions is {}, expected a string", kind.name());
        wrong.add(InvalidRequest, message, "write the instructions as one string, or leave them out");
    }
}

/// A text, texts, tokens, or arrays of tokens; not a mixture.
fn check_embedding(input: Option<&RawValue>, wrong: &mut Wrongs) {
    const EXPECTED: &str =
        "expected a non-empty string, or a non-empty array of strings, of tokens or of arrays of tokens";
    let mut found = |found: &str| wrong.add(InvalidRequest, format!("body.input{found}, {EXPECTED}"), INPUT);
    match present(input) {
        None => found(&format!(" is {}", kind_name(input))),
        Some((Kind::String | Kind::Array, raw)) if is_empty(raw) => found(" is empty"),
        Some((Kind::String, _)) => {}
        Some((Kind::Array, raw)) => {
            let (mut first, mut bad) = (None, None);
            each(raw, |at, item| {
                let kind = Kind::of(item);
                let is_fine = match kind {
                    Kind::String => !is_empty(item),
                    Kind::Number => is_token(item),
                    Kind::Array => !is_empty(item) && are_tokens(item),
                    _ => false,
                };
                if !is_fine {
                    bad.get_or_insert((at, "of no kind that can be embedded"));
                } else if *first.get_or_insert(kind) != kind {
                    bad.get_or_insert((at, "of another kind than the first"));
                }
            });
            if let Some((at, what)) = bad {
                found(&format!("[{at}] is {what}"));
            }
        }
        Some((kind, _)) => found(&format!(" is {}", kind.name())),
    }
}

fn are_tokens(raw: &RawValue) -> bool {
    let mut all = true;
    each(raw, |_, item| all &= is_token(item));
    all
}

fn is_token(raw: &RawValue) -> bool {
    raw.get().bytes().all(|byte| byte.is_ascii_digit())
}

/// `null` is what clients write for what is not set. Digits suffice: JSON has no leading zeros.
fn is_positive_or_null(raw: &RawValue) -> bool {
    raw.get() == "null" || raw.get() != "0" && is_token(raw)
}

/// Calls for each element of an array.
fn each(array: &RawValue, call: impl FnMut(u64, &RawValue)) {
    struct Each<F>(F);
    impl<'de, F: FnMut(u64, &RawValue)> Visitor<'de> for Each<F> {
        type Value = ();

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
            let mut at = 0;
            while let Some(item) = seq.next_element::<&RawValue>()? {
                self.0(at, item);
                at += 1;
            }
            Ok(())
        }
    }
    // The text is valid JSON already, and raw values take all of it.
    let _ = serde_json::Deserializer::from_str(array.get()).deserialize_seq(Each(call));
}
