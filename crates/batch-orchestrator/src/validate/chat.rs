//! The messages of a chat completion.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::json::{Key, Kind, kind_name, present, scalars_are_kinds, string};
use super::report::KEPT_PER_CODE;

/// Most messages of a request ("Azure OpenAI quotas and limits": maximum number of `/chat/completions` messages).
const MAX_MESSAGES: u64 = 2048;
/// Most characters of a message (same page: maximum message size of `/chat/completions`).
const MAX_CHARACTERS: usize = 1_048_576;
/// Most images of a request (same page: images in the messages array).
const MAX_IMAGES: u64 = 50;

/// What is wrong with the messages of one request, by sentences. None quotes anything: they are prompts.
#[derive(Default)]
pub(super) struct Chat {
    count: u64,
    images: u64,
    wrong: Vec<String>,
    /// How many more there are than are kept: a line of 8 MiB has room for millions.
    more: u64,
}

impl Chat {
    /// What is wrong, and how many more findings there are.
    pub(super) fn finish(mut self) -> (Vec<String>, u64) {
        if self.count == 0 {
            self.wrong("body.messages is an empty array, expected a non-empty array".into());
        }
        if self.count > MAX_MESSAGES {
            let count = self.count;
            self.wrong(format!("body.messages has {count} messages, expected at most {MAX_MESSAGES}"));
        }
        if self.images > MAX_IMAGES {
            let images = self.images;
            self.wrong(format!("body.messages has {images} images, expected at most {MAX_IMAGES}"));
        }
        (self.wrong, self.more)
    }

    fn wrong(&mut self, message: String) {
        if (self.wrong.len() as u64) < KEPT_PER_CODE {
            self.wrong.push(message);
        } else {
            self.more += 1;
        }
    }

    fn check(&mut self, at: u64, message: &Message<'_>) {
        let role = string(message.role).filter(|role| !role.is_empty());
        match (&role, message.role.map(Kind::of)) {
            (Some(_), _) => {}
            (None, Some(Kind::String)) => {
                self.wrong(format!("body.messages[{at}].role is empty, expected a role such as \"user\""));
            }
            _ => self.wrong(format!(
                "body.messages[{at}].role is {}, expected a string such as \"user\"",
                kind_name(message.role)
            )),
        }
        // A role that we do not know may be a new one: it is for the service to refuse, and so is what it may hold.
        let known = matches!(role.as_deref(), Some("system" | "developer" | "user" | "assistant" | "tool"));
        match present(message.content) {
            // The content of a `function` message may be null, as may that of one that holds something else.
            None if known && !message.holds_else => self.wrong(format!(
                "body.messages[{at}].content is {}, expected a string or an array of parts",
                kind_name(message.content)
            )),
            None => {}
            Some((Kind::String, raw)) => self.check_length(at, "content", raw),
            Some((Kind::Array, raw)) => self.check_parts(at, raw),
            Some((kind, _)) => self.wrong(format!(
                "body.messages[{at}].content is {}, expected a string or an array of parts",
                kind.name()
            )),
        }
    }

    fn check_length(&mut self, at: u64, what: &str, raw: &RawValue) {
        // Escapes and bytes are no fewer than characters: mostly there is nothing to count.
        if raw.get().len() <= MAX_CHARACTERS + 2 {
            return;
        }
        let characters = string(Some(raw)).map_or(0, |text| text.chars().count());
        if characters > MAX_CHARACTERS {
            self.wrong(format!(
                "body.messages[{at}].{what} has {characters} characters, expected at most {MAX_CHARACTERS}"
            ));
        }
    }

    fn check_parts(&mut self, at: u64, raw: &RawValue) {
        let parts = Parts { chat: self, at }.deserialize(&mut serde_json::Deserializer::from_str(raw.get()));
        // The text is valid JSON: only a number that no machine can hold fails now.
        if parts.is_err() {
            self.wrong(format!("body.messages[{at}].content has a number among its parts, expected objects"));
        }
    }
}

/// Reads `messages`.
pub(super) struct ChatSeed;

impl<'de> DeserializeSeed<'de> for ChatSeed {
    type Value = Result<Chat, Kind>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ChatSeed {
    type Value = Result<Chat, Kind>;

    scalars_are_kinds!();

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut chat = Chat::default();
        while let Some(message) = seq.next_element_seed(MessageSeed)? {
            match message {
                Ok(message) => chat.check(chat.count, &message),
                Err(kind) => {
                    let (at, kind) = (chat.count, kind.name());
                    chat.wrong(format!("body.messages[{at}] is {kind}, expected an object"));
                }
            }
            chat.count += 1;
        }
        Ok(Ok(chat))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Err(Kind::Object))
    }
}

#[derive(Default)]
struct Message<'a> {
    role: Option<&'a RawValue>,
    content: Option<&'a RawValue>,
    /// Calls, a refusal or a sound: then there need be no content.
    holds_else: bool,
}

struct MessageSeed;

impl<'de> DeserializeSeed<'de> for MessageSeed {
    type Value = Result<Message<'de>, Kind>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for MessageSeed {
    type Value = Result<Message<'de>, Kind>;

    scalars_are_kinds!();

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Err(Kind::Array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut message = Message::default();
        while let Some(key) = map.next_key_seed(Key)? {
            match &*key {
                "role" => message.role = Some(map.next_value()?),
                "content" => message.content = Some(map.next_value()?),
                "tool_calls" | "function_call" | "refusal" | "audio" => {
                    let value: &RawValue = map.next_value()?;
                    message.holds_else |= Kind::of(value) != Kind::Null;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Ok(message))
    }
}

/// Reads the parts of a content.
struct Parts<'c> {
    chat: &'c mut Chat,
    at: u64,
}

impl<'de> DeserializeSeed<'de> for Parts<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Parts<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("parts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let (chat, at) = (self.chat, self.at);
        let mut number = 0_u64;
        while let Some(part) = seq.next_element_seed(PartSeed)? {
            let part = match part {
                Ok(part) => part,
                Err(kind) => {
                    let kind = kind.name();
                    chat.wrong(format!(
                        "body.messages[{at}].content[{number}] is {kind}, expected an object"
                    ));
                    number += 1;
                    continue;
                }
            };
            match string(part.kind).as_deref() {
                // What other types there are is for the service to know.
                Some("image_url") => chat.images += 1,
                Some("text") => match part.text {
                    Some(text) if Kind::of(text) == Kind::String => {
                        chat.check_length(at, &format!("content[{number}].text"), text);
                    }
                    other => chat.wrong(format!(
                        "body.messages[{at}].content[{number}].text is {}, expected a string",
                        kind_name(other)
                    )),
                },
                Some(_) => {}
                None => chat.wrong(format!(
                    "body.messages[{at}].content[{number}].type is {}, expected a string such as \"text\"",
                    kind_name(part.kind)
                )),
            }
            number += 1;
        }
        Ok(())
    }
}

#[derive(Default)]
struct Part<'a> {
    kind: Option<&'a RawValue>,
    text: Option<&'a RawValue>,
}

struct PartSeed;

impl<'de> DeserializeSeed<'de> for PartSeed {
    type Value = Result<Part<'de>, Kind>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for PartSeed {
    type Value = Result<Part<'de>, Kind>;

    scalars_are_kinds!();

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Err(Kind::Array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut part = Part::default();
        while let Some(key) = map.next_key_seed(Key)? {
            match &*key {
                "type" => part.kind = Some(map.next_value()?),
                "text" => part.text = Some(map.next_value()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Ok(part))
    }
}
