//! The few JSON values that validation looks at, without a copy and without recursion.

use std::{borrow::Cow, collections::HashSet, fmt, sync::LazyLock};

use memchr::memmem::Finder;
use serde::de::{DeserializeSeed, Deserializer, Visitor};
use serde_json::value::RawValue;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Boolean,
    Number,
    String,
    Array,
    Object,
}

impl Kind {
    /// The kind of a value, from its text.
    pub(super) fn of(raw: &RawValue) -> Self {
        match raw.get().as_bytes().first() {
            Some(b'n') => Self::Null,
            Some(b't' | b'f') => Self::Boolean,
            Some(b'"') => Self::String,
            Some(b'[') => Self::Array,
            Some(b'{') => Self::Object,
            _ => Self::Number,
        }
    }

    /// For a message: never the value itself, which may be a prompt.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "a boolean",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        }
    }
}

/// The kind of a field, `null` and a missing one alike being none.
pub(super) fn present(raw: Option<&RawValue>) -> Option<(Kind, &RawValue)> {
    raw.map(|raw| (Kind::of(raw), raw)).filter(|(kind, _)| *kind != Kind::Null)
}

/// How a missing or wrong field is called in a message.
pub(super) fn kind_name(raw: Option<&RawValue>) -> &'static str {
    raw.map_or("missing", |raw| Kind::of(raw).name())
}

/// The value of a string; `None` for what is none.
pub(super) fn string(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    let text = raw?.get();
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_some() {
        serde_json::from_str(text).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// Whether a value is `[]` or `""`.
pub(super) fn is_empty(raw: &RawValue) -> bool {
    let text = raw.get();
    text == "\"\"" || text.strip_prefix('[').is_some_and(|rest| rest.trim_start().starts_with(']'))
}

/// The methods of a [`Visitor`] for all that is neither array nor object: they answer with its kind.
macro_rules! scalars_are_kinds {
    () => {
        fn expecting(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            f.write_str("a value")
        }
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok(Err(Kind::Boolean))
        }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok(Err(Kind::Number))
        }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok(Err(Kind::Number))
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok(Err(Kind::Number))
        }
        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok(Err(Kind::String))
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Err(Kind::Null))
        }
    };
}
pub(super) use scalars_are_kinds;

/// Reads the key of an object.
pub(super) struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}

/// How many keys are compared one by one: objects with more are rare.
const FEW: usize = 16;

/// The keys of an object so far.
#[derive(Default)]
pub(super) struct Keys<'a> {
    few: [&'a str; FEW],
    count: usize,
    /// Those that are more, or have escapes.
    others: HashSet<Cow<'a, str>>,
}

impl<'a> Keys<'a> {
    /// Takes a key; answers whether it was not there yet.
    pub(super) fn insert(&mut self, key: Cow<'a, str>) -> bool {
        if self.few[..self.count].iter().any(|few| *few == key)
            || !self.others.is_empty() && self.others.contains(&key)
        {
            return false;
        }
        match key {
            Cow::Borrowed(key) if self.count < FEW => {
                self.few[self.count] = key;
                self.count += 1;
            }
            key => drop(self.others.insert(key)),
        }
        true
    }
}

/// Byte (from 0) of the first `\u` escape that is half a character. `text` must be valid JSON, where a backslash is
/// nowhere but in strings.
///
/// serde_json finds those only in strings that it decodes, and most are passed over here.
pub(super) fn half_character(text: &str) -> Option<usize> {
    static UNICODE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\\u"));
    let bytes = text.as_bytes();
    // Most texts have other escapes only: this finds out faster than a look at each of them.
    let first = UNICODE.find(bytes)?;
    // Backslashes right before it belong to it, or it to them.
    let mut from = bytes[..first].iter().rposition(|byte| *byte != b'\\').map_or(0, |before| before + 1);
    loop {
        if bytes.get(from) != Some(&b'\\') {
            from += memchr::memchr(b'\\', bytes.get(from..)?)?;
        }
        let Some(unit) = escape(bytes, from) else {
            from += 2;
            continue;
        };
        let second = from + 6;
        match unit {
            0xD800..=0xDBFF if matches!(escape(bytes, second), Some(0xDC00..=0xDFFF)) => from = second + 6,
            0xD800..=0xDFFF => return Some(from),
            _ => from = second,
        }
    }
}

/// The unit of a `\uXXXX` at a place.
fn escape(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn halves_of_characters_are_found_and_whole_ones_are_not() {
        for whole in [r#""a""#, r#""\ud83d\ude00""#, r#""\\ud83d""#, r#""\u00e4\n\\\\""#, r#""\\\\ude00""#] {
            assert_eq!(half_character(whole), None, "{whole}");
        }
        for (half, at) in [
            (r#""\ud83d""#, 1),
            (r#""\ude00""#, 1),
            (r#""x\ud83d\n""#, 2),
            (r#""\ud83d\ud83d\ude00""#, 1),
            (r#""\\\uDE00""#, 3),
            (r#""\ud83d\ude00\uDBFF""#, 13),
            (r#""\n\n a\n\\\\\n\ud83d""#, 15),
            (r#""\u00e4\"\u00e4 b \\ud83d \ude00""#, 26),
        ] {
            assert_eq!(half_character(half), Some(at), "{half}");
        }
    }

    proptest! {
        #[test]
        fn a_text_has_half_a_character_if_it_cannot_be_decoded(
            pieces in proptest::collection::vec(
                prop::sample::select(vec!["a", "ä", r"\\", r"\n", r#"\""#, r"\ud83d", r"\uDE00", r"\u00e4", "u"]),
                0..12,
            ),
        ) {
            let text = format!("\"{}\"", pieces.concat());
            let decoded = serde_json::from_str::<String>(&text);
            prop_assert_eq!(half_character(&text).is_none(), decoded.is_ok(), "{}", text);
        }
    }

    #[test]
    fn keys_are_known_again_however_many_there_are() {
        let mut keys = Keys::default();
        let names: Vec<String> = (0..100).map(|n| format!("key{n}")).collect();
        assert!(names.iter().all(|name| keys.insert(Cow::Borrowed(name))));
        assert!(!names.iter().any(|name| keys.insert(Cow::Borrowed(name))));
        let empty = Cow::Borrowed("");
        assert!(keys.insert(empty.clone()) && !keys.insert(empty.clone()), "the empty key is a key");
        let mut keys = Keys::default();
        let decoded: Cow<'_, str> = Cow::Owned("key".to_owned());
        assert!(
            keys.insert(decoded.clone())
                && !keys.insert(decoded.clone())
                && !keys.insert(Cow::Borrowed("key"))
        );
        assert!(keys.insert(empty.clone()) && !keys.insert(Cow::Owned(String::new())));
    }
}
