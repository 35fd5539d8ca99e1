//! `Authorization: SharedKey account:signature`.

use axum::http::header;
use time::{OffsetDateTime, PrimitiveDateTime, macros::format_description};

use super::{
    Account, AuthFailure, SignedRequest, header_order::compare, query::pairs, sign::is_signature_of,
};

/// How far the date of a request may be off.
const MOST_SKEW_MS: i64 = 15 * 60 * 1000;

/// In the order of their lines; the date has a line of its own between them.
const BEFORE_DATE: [&str; 5] =
    ["content-encoding", "content-language", "content-length", "content-md5", "content-type"];
const AFTER_DATE: [&str; 5] =
    ["if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range"];

/// Checks what follows the scheme's name; the account if it holds.
pub(super) fn check<'a>(
    request: &SignedRequest<'_>,
    credentials: &str,
    accounts: &'a [Account],
    now_ms: i64,
) -> Result<&'a Account, AuthFailure> {
    let (name, signature) = credentials
        .split_once(':')
        .ok_or_else(|| AuthFailure::not_authenticated("The Authorization header has no signature."))?;
    let account = accounts
        .iter()
        .find(|account| account.name == name.trim() && account.name == request.target().account)
        .ok_or_else(|| {
            AuthFailure::not_authenticated("The account is not that of the address, or unknown.")
        })?;
    check_date(request, now_ms)?;
    let signed = string_to_sign(request, &account.name);
    if is_signature_of(signature.trim(), &signed, account.key()) {
        return Ok(account);
    }
    // With a SAS beside the header the string would hold that one's signature.
    let secret = pairs(request.query).iter().any(|(name, _)| name.eq_ignore_ascii_case("sig"));
    Err(AuthFailure::signature((!secret).then_some(signed.as_str())))
}

fn check_date(request: &SignedRequest<'_>, now_ms: i64) -> Result<(), AuthFailure> {
    let text =
        request.header("x-ms-date").or_else(|| request.header(header::DATE.as_str())).ok_or_else(|| {
            AuthFailure::not_authenticated("The request has neither an x-ms-date nor a Date header.")
        })?;
    let format = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let at = PrimitiveDateTime::parse(&text, format).map(PrimitiveDateTime::assume_utc).map_err(|_| {
        AuthFailure::not_authenticated(
            "The date header is not in the format 'Fri, 15 Jan 2027 08:00:00 GMT'.",
        )
    })?;
    let at_ms = millis(at);
    if at_ms.abs_diff(now_ms) > MOST_SKEW_MS.unsigned_abs() {
        return Err(AuthFailure::not_authenticated(&format!("Request date header too old: '{text}'.")));
    }
    Ok(())
}

/// Milliseconds since the epoch.
pub(super) fn millis(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

fn string_to_sign(request: &SignedRequest<'_>, account: &str) -> String {
    let value = |name: &str| match request.header(name) {
        Some(length) if name == "content-length" && length == "0" => String::new(),
        other => other.unwrap_or_default(),
    };
    let date = if request.headers.contains_key("x-ms-date") { String::new() } else { value("date") };
    let mut lines = vec![request.method.as_str().to_owned()];
    lines.extend(BEFORE_DATE.map(value));
    lines.push(date);
    lines.extend(AFTER_DATE.map(value));
    lines.extend(canonical_headers(request));
    lines.push(format!("/{account}{}", request.path));
    lines.extend(canonical_query(request.query));
    lines.join("\n")
}

fn canonical_headers(request: &SignedRequest<'_>) -> Vec<String> {
    let mut names: Vec<&str> =
        request.headers.keys().map(|name| name.as_str()).filter(|name| name.starts_with("x-ms-")).collect();
    names.sort_by(|left, right| compare(left, right));
    let values = |name: &str| -> Vec<String> {
        let all = request.headers.get_all(name).iter();
        all.map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_owned()).collect()
    };
    names.into_iter().map(|name| format!("{name}:{}", values(name).join(","))).collect()
}

fn canonical_query(query: &str) -> Vec<String> {
    let mut all: Vec<(String, String)> =
        pairs(query).into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
    all.sort();
    let same_name = all.chunk_by(|left, right| left.0 == right.0);
    same_name
        .map(|group| {
            let values: Vec<&str> = group.iter().map(|(_, value)| value.as_str()).collect();
            format!("{}:{}", group[0].0, values.join(","))
        })
        .collect()
}

#[cfg(test)]
#[path = "shared_key_tests.rs"]
mod tests;
