//! A request line, read once: its envelope, and what is checked of its body.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{
    chat::{Chat, ChatSeed},
    json::{Key, Keys, Kind, scalars_are_kinds},
};

/// What kind of requests a batch takes, as far as their bodies are known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Chat,
    Responses,
    Embeddings,
    /// Nothing but the model is checked.
    Other,
}

impl Family {
    pub(super) fn of(endpoint: &str) -> Self {
        match aoai_batch_client::endpoint_family(endpoint).as_str() {
            "chat/completions" => Self::Chat,
            "responses" => Self::Responses,
            "embeddings" => Self::Embeddings,
            _ => Self::Other,
        }
    }
}

/// The fields around a request. What is not known is passed over: the service may know more than we do.
#[derive(Default)]
pub(super) struct Envelope<'a> {
    pub(super) custom_id: Option<&'a RawValue>,
    pub(super) method: Option<&'a RawValue>,
    pub(super) url: Option<&'a RawValue>,
    /// The text of the body, where it was asked for.
    pub(super) raw_body: Option<&'a RawValue>,
    pub(super) body: Option<Result<(), Kind>>,
    /// The fields of the body, if that is an object.
    pub(super) fields: Body<'a>,
    /// Keys that are there more than once.
    pub(super) twice: Vec<Cow<'a, str>>,
}

/// The fields of a request.
#[derive(Default)]
pub(super) struct Body<'a> {
    pub(super) model: Option<&'a RawValue>,
    pub(super) stream: Option<&'a RawValue>,
    /// Counts that are asked for, by name.
    pub(super) numbers: [Option<(&'static str, &'a RawValue)>; 4],
    pub(super) messages: Option<Result<Chat, Kind>>,
    pub(super) input: Option<&'a RawValue>,
    pub(super) instructions: Option<&'a RawValue>,
    /// Something that a response can be made from without an input.
    pub(super) instead_of_input: bool,
    /// Known keys that are there more than once, and how many others are.
    pub(super) twice: Vec<&'static str>,
    pub(super) others_twice: u64,
}

/// Reads a line; a value that is no object is told by its kind.
pub(super) fn parse<'a>(
    text: &'a str,
    family: Family,
    keep_body: bool,
    line: &mut Envelope<'a>,
) -> serde_json::Result<Result<(), Kind>> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let kind = EnvelopeSeed { family, keep_body, line }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    if let Some(raw) = line.raw_body {
        let mut deserializer = serde_json::Deserializer::from_str(raw.get());
        line.body = Some(BodySeed { family, body: &mut line.fields }.deserialize(&mut deserializer)?);
    }
    Ok(kind)
}

/// Writes to its line: what it reads is too large to be handed up from call to call.
struct EnvelopeSeed<'l, 'a> {
    family: Family,
    keep_body: bool,
    line: &'l mut Envelope<'a>,
}

impl<'de> DeserializeSeed<'de> for EnvelopeSeed<'_, 'de> {
    type Value = Result<(), Kind>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for EnvelopeSeed<'_, 'de> {
    type Value = Result<(), Kind>;

    scalars_are_kinds!();

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Err(Kind::Array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Self { family, keep_body, line } = self;
        let mut keys = Keys::default();
        while let Some(key) = map.next_key_seed(Key)? {
            if !keys.insert(key.clone()) {
                map.next_value::<IgnoredAny>()?;
                line.twice.push(key);
                continue;
            }
            match &*key {
                "custom_id" => line.custom_id = Some(map.next_value()?),
                "method" => line.method = Some(map.next_value()?),
                "url" => line.url = Some(map.next_value()?),
                "body" if keep_body => line.raw_body = Some(map.next_value()?),
                "body" => {
                    let seed = BodySeed { family, body: &mut line.fields };
                    line.body = Some(map.next_value_seed(seed)?);
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Ok(()))
    }
}

struct BodySeed<'l, 'a> {
    family: Family,
    body: &'l mut Body<'a>,
}

impl<'de> DeserializeSeed<'de> for BodySeed<'_, 'de> {
    type Value = Result<(), Kind>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// The fields of a body that are looked at.
const KNOWN: [&str; 12] = [
    "model",
    "stream",
    "n",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "messages",
    "input",
    "instructions",
    "prompt",
    "previous_response_id",
    "conversation",
];

impl<'de> Visitor<'de> for BodySeed<'_, 'de> {
    type Value = Result<(), Kind>;

    scalars_are_kinds!();

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Err(Kind::Array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Self { family, body } = self;
        let mut keys = Keys::default();
        while let Some(key) = map.next_key_seed(Key)? {
            let known = KNOWN.iter().position(|known| *known == key);
            if !keys.insert(key.clone()) {
                map.next_value::<IgnoredAny>()?;
                match known {
                    Some(at) if body.twice.contains(&KNOWN[at]) => {}
                    Some(at) => body.twice.push(KNOWN[at]),
                    None => body.others_twice += 1,
                }
                continue;
            }
            match (known, family) {
                (Some(0), _) => body.model = Some(map.next_value()?),
                (Some(1), Family::Chat | Family::Responses) => body.stream = Some(map.next_value()?),
                (Some(at @ 2..=4), Family::Chat) | (Some(at @ 5), Family::Responses) => {
                    body.numbers[at - 2] = Some((KNOWN[at], map.next_value()?));
                }
                (Some(6), Family::Chat) => body.messages = Some(map.next_value_seed(ChatSeed)?),
                (Some(7), Family::Responses | Family::Embeddings) => body.input = Some(map.next_value()?),
                (Some(8), Family::Responses) => body.instructions = Some(map.next_value()?),
                (Some(9..), Family::Responses) => {
                    let value: &RawValue = map.next_value()?;
                    body.instead_of_input |= Kind::of(value) != Kind::Null;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Ok(()))
    }
}
