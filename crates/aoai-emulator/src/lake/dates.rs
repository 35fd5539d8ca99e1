//! The ways in which storage writes a moment.

use time::{
    OffsetDateTime, PrimitiveDateTime, format_description::BorrowedFormatItem, macros::format_description,
};

use crate::clock::Stamp;

const HTTP: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// `Sun, 06 Nov 1994 08:49:37 GMT`
pub(super) fn http(at: Stamp) -> String {
    let date = OffsetDateTime::from_unix_timestamp(at.unix_seconds()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    // All parts of the format exist in every date.
    date.format(HTTP).unwrap_or_default()
}

/// Unix seconds of an HTTP date.
pub(super) fn parse_http(text: &str) -> Option<i64> {
    PrimitiveDateTime::parse(text, HTTP).ok().map(|date| date.assume_utc().unix_timestamp())
}

/// Windows file time: 100 nanoseconds since 1601.
pub(super) fn filetime(at: Stamp) -> String {
    ((at.unix_seconds() + 11_644_473_600) * 10_000_000).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        let at = Stamp::from_millis(784_111_777_000);
        assert_eq!(http(at), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(parse_http(&http(at)), Some(784_111_777));
        assert_eq!(filetime(Stamp::from_millis(0)), "116444736000000000");
    }
}
