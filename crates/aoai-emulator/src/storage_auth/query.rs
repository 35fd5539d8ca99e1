//! Query strings as they are signed.

use percent_encoding::percent_decode_str;

/// The pairs of a query in their order, percent-decoded.
///
/// A plus stays a plus, as in Azurite and in Azure's clients: a space travels as `%20`.
pub(super) fn pairs(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

/// Undoes percent-encoding.
pub(super) fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
