//! The content of a message: text, or parts of text and images.

use std::borrow::Cow;

use serde::Deserialize;
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

/// The tokens of a content; `padded`: a line break follows it.
pub(super) fn count_content(counter: &Counter<'_>, content: &RawValue, padded: bool) -> Tally {
    let unknown = || counter.bytes(content.get().len());
    match content.get().as_bytes().first() {
        Some(b'"') => match serde_json::from_str::<Text<'_>>(content.get()) {
            Ok(Text(text)) if padded => counter.text(&format!("{text}\n")),
            Ok(Text(text)) => counter.text(&text),
            Err(_) => unknown(),
        },
        Some(b'[') => match serde_json::from_str::<Vec<&RawValue>>(content.get()) {
            Ok(parts) => {
                let break_after = if padded { Tally::text(1, Provenance::Rule) } else { Tally::ZERO };
                parts.into_iter().map(|part| count_part(counter, part)).sum::<Tally>() + break_after
            }
            Err(_) => unknown(),
        },
        _ => unknown(),
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
