//! What an answer's headers say of a path.

use azure_core::{
    http::headers::{HeaderName, Headers},
    time::parse_rfc7231,
};

use crate::{ETag, Entry, EntryKind, Location};

/// Typed access to the headers of an answer.
pub(crate) struct Answer<'a>(pub(crate) &'a Headers);

impl<'a> Answer<'a> {
    pub(crate) fn text(&self, name: &'static str) -> Option<&'a str> {
        self.0.get_optional_str(&HeaderName::from_static(name))
    }

    /// The version, without the quotes that a header has and a listing has not.
    pub(crate) fn etag(&self) -> ETag {
        etag(self.text("etag").unwrap_or_default())
    }

    pub(crate) fn is_directory(&self) -> bool {
        self.text("x-ms-resource-type").is_some_and(|kind| kind.eq_ignore_ascii_case("directory"))
            || self.text("x-ms-meta-hdi_isfolder").is_some_and(|flag| flag.eq_ignore_ascii_case("true"))
    }

    /// Bytes of the whole file: behind the slash of a range, else the length of the body.
    pub(crate) fn size(&self) -> u64 {
        let total = self.text("content-range").and_then(|range| range.rsplit('/').next());
        total.or_else(|| self.text("content-length")).and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }

    /// The first byte of a partial answer.
    pub(crate) fn range_start(&self) -> Option<u64> {
        let range = self.text("content-range")?.trim().strip_prefix("bytes")?.trim();
        range.split('-').next()?.parse().ok()
    }

    pub(crate) fn entry(&self, at: &Location) -> Entry {
        let kind = if self.is_directory() { EntryKind::Directory } else { EntryKind::File };
        Entry {
            location: at.clone(),
            kind,
            size: if kind == EntryKind::File { self.size() } else { 0 },
            etag: self.etag(),
            modified_ms: self.text("last-modified").map_or(0, millis),
        }
    }
}

pub(crate) fn etag(text: &str) -> ETag {
    let text = text.trim();
    let text = text.strip_prefix("W/").unwrap_or(text);
    ETag(text.trim_matches('"').to_owned())
}

/// A version as conditional headers have it.
pub(crate) fn quoted(etag: &ETag) -> String {
    format!("\"{}\"", etag.0)
}

/// Milliseconds since 1970 of an HTTP date; 0 where it cannot be read.
pub(crate) fn millis(date: &str) -> i64 {
    parse_rfc7231(date.trim()).map_or(0, |time| time.unix_timestamp().saturating_mul(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_the_same_with_and_without_quotes() {
        assert_eq!(etag("\"0x8D\""), etag("0x8D"));
        assert_eq!(etag("W/\"0x8D\""), etag("0x8D"));
        assert_eq!(quoted(&etag("0x8D")), "\"0x8D\"");
    }

    #[test]
    fn a_range_tells_the_whole_size() {
        let mut headers = Headers::new();
        headers.insert("content-length", "3");
        assert_eq!((Answer(&headers).size(), Answer(&headers).range_start()), (3, None));
        headers.insert("content-range", "bytes 2-4/10");
        assert_eq!((Answer(&headers).size(), Answer(&headers).range_start()), (10, Some(2)));
        assert_eq!(millis("Thu, 01 Jan 1970 00:00:02 GMT"), 2000);
    }
}
