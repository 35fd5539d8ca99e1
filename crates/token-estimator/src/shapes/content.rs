//! The content of a message: text, or parts of text and images.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::Provenance;
use crate::images::{size_of_data_url, tokens};
use crate::tally::Tally;
use crate::text::Counter;

/// A string of JSON, without a copy where it has no escapes.
#[derive(Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    refusal: Option<Cow<'a, str>>,
    #[serde(borrow)]
    image_url: Option<&'a RawValue>,
    #[serde(borrow)]
    detail: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Image<'a> {
    #[serde(borrow)]
    url: Cow<'a, str>,
    #[serde(borrow)]
    detail: Option<Cow<'a, str>>,
}

/// What a message says.
pub(super) trait Content {
    /// Its tokens; `padded`: a line break follows it.
    fn count(&self, counter: &Counter<'_>, padded: bool) -> Tally;
}

/// A content of a shape that is known: read in one go with all messages, where they are all as they should be.
pub(super) enum Known<'a> {
    Text(Cow<'a, str>),
    Parts(Vec<&'a RawValue>),
}

impl<'de: 'a, 'a> Deserialize<'de> for Known<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrParts;
        impl<'de> Visitor<'de> for TextOrParts {
            type Value = Known<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or parts")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Known::Text(text.into()))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Known::Text(text.to_owned().into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let mut parts = Vec::new();
                while let Some(part) = items.next_element()? {
                    parts.push(part);
                }
                Ok(Known::Parts(parts))
            }
        }
        deserializer.deserialize_any(TextOrParts)
    }
}

impl Content for Known<'_> {
    fn count(&self, counter: &Counter<'_>, padded: bool) -> Tally {
        match self {
            Self::Text(text) if padded => counter.text(&format!("{text}\n")),
            Self::Text(text) => counter.text(text),
            Self::Parts(parts) => {
                let break_after = if padded { Tally::text(1, Provenance::Rule) } else { Tally::ZERO };
                parts.iter().map(|part| count_part(counter, part)).sum::<Tally>() + break_after
            }
        }
    }
}

impl Content for &RawValue {
    fn count(&self, counter: &Counter<'_>, padded: bool) -> Tally {
        match serde_json::from_str::<Known<'_>>(self.get()) {
            Ok(known) => known.count(counter, padded),
            Err(_) => counter.bytes(self.get().len()),
        }
    }
}

fn count_part(counter: &Counter<'_>, raw: &RawValue) -> Tally {
    // Sound and files cost by rules that are not published: their bytes bound them from above.
    let unknown = || counter.bytes(raw.get().len());
    let Ok(part) = serde_json::from_str::<Part<'_>>(raw.get()) else { return unknown() };
    match (&*part.kind, &part) {
        ("text" | "input_text" | "output_text" | "summary_text", Part { text: Some(text), .. })
        | ("refusal", Part { refusal: Some(text), .. }) => counter.text(text),
        ("image_url" | "input_image", Part { image_url: Some(image), detail, .. }) => {
            count_image(counter, image, detail.as_deref()).unwrap_or_else(|| unknown().as_image())
        }
        // An image that is named by the id of a file.
        ("input_image", _) => count_url(counter, "", part.detail.as_deref()),
        _ => unknown(),
    }
}

fn count_image(counter: &Counter<'_>, image: &RawValue, detail: Option<&str>) -> Option<Tally> {
    if image.get().starts_with('"') {
        let Text(url) = serde_json::from_str(image.get()).ok()?;
        return Some(count_url(counter, &url, detail));
    }
    let image: Image<'_> = serde_json::from_str(image.get()).ok()?;
    Some(count_url(counter, &image.url, image.detail.as_deref().or(detail)))
}

fn count_url(counter: &Counter<'_>, url: &str, detail: Option<&str>) -> Tally {
    let size = size_of_data_url(url).unwrap_or(counter.unknown_image);
    Tally::text(tokens(counter.model, size, detail == Some("low")), Provenance::Rule).as_image()
}
