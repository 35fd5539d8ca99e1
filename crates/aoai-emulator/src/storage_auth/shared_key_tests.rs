use axum::http::request::Parts;

use crate::storage_auth::{
    AuthFailure, Identity, Needs, Scheme,
    testing::{MINUTE, NOW, check, parts, signed},
};

const DATE: (&str, &str) = ("x-ms-date", "Fri, 15 Jan 2027 08:00:00 GMT");
const VERSION: (&str, &str) = ("x-ms-version", "2025-05-05");
const LISTING: &str =
    "/fs?resource=filesystem&recursive=true&directory=a%20b%2Cc%2F%C3%BC%2B%25&maxResults=5000";

fn listing() -> Parts {
    authorized("GET", LISTING, "kkUOuN55NZe1JS5Aos7ImEgCyPQJCbJgxHSpeX0FlCE=", &[DATE, VERSION])
}

fn authorized(method: &str, path: &str, signature: &str, headers: &[(&str, &str)]) -> Parts {
    let authorization = format!("SharedKey devstoreaccount1:{signature}");
    let mut headers = headers.to_vec();
    headers.push(("authorization", &authorization));
    parts(method, path, &headers)
}

fn verified(parts: &Parts) -> Result<Identity, AuthFailure> {
    check(&signed(parts, Needs::Write), NOW)
}

#[test]
fn a_query_with_commas_and_escapes_is_signed_decoded() {
    let identity = verified(&listing()).unwrap();
    assert_eq!(identity, Identity { account: "devstoreaccount1".to_owned(), scheme: Scheme::SharedKey });
}

#[test]
fn the_path_is_signed_as_sent_and_the_headers_in_the_order_of_azure() {
    let headers = [
        DATE,
        VERSION,
        ("content-length", "0"),
        ("if-none-match", "*"),
        ("x-ms-properties", "bWV0YQ=="),
        ("x-ms-meta-a-b", "1"),
        ("x-ms-meta-ab", "2"),
        ("x-ms-client-request-id", "id"),
        ("x-ms-meta-a_b", "3"),
    ];
    let path = "/fs/a%20b/c%25d/e%2B%C3%BC%23.jsonl?resource=file&timeout=30";
    verified(&authorized("PUT", path, "utvmf0nZF7hrPwATjjpua3oHSWn38WV8UpYMnSfH6Q8=", &headers)).unwrap();
}

#[test]
fn every_standard_header_has_its_line() {
    let headers = [
        DATE,
        VERSION,
        ("content-length", "11"),
        ("content-type", "application/json; charset=utf-8"),
        ("content-md5", "XrY7u+Ae7tCTyyK7j1rNww=="),
        ("content-encoding", "gzip"),
        ("content-language", "en"),
        ("if-match", "\"0x1\""),
        ("if-modified-since", "Thu, 14 Jan 2027 08:00:00 GMT"),
        ("if-unmodified-since", "Sat, 16 Jan 2027 08:00:00 GMT"),
    ];
    let signature = "arvcowMewoyqfIftMAVoiYDR+Cv8kyOsIkGAFIue688=";
    verified(&authorized("PATCH", "/fs/f?action=append&position=0", signature, &headers)).unwrap();
    for changed in 2..headers.len() {
        let mut headers = headers;
        headers[changed].1 = "12";
        let parts = authorized("PATCH", "/fs/f?action=append&position=0", signature, &headers);
        assert!(verified(&parts).is_err(), "{}", headers[changed].0);
    }
}

#[test]
fn date_will_do_in_place_of_x_ms_date() {
    let date = [("date", DATE.1)];
    verified(&authorized("HEAD", "/fs/f", "Jp6uYSJi86iSKnVuNRQtpseRdEqiGN9yS0EvtrB5bKk=", &date)).unwrap();
}

#[test]
fn x_ms_range_is_a_header_as_any_other() {
    let signature = "8zJLnA6/t6uJaBZKMM4hObObarTYQWNRw21rrnC2NV4=";
    verified(&authorized("GET", "/fs/f", signature, &[DATE, VERSION, ("x-ms-range", "bytes=0-9")])).unwrap();
    assert!(
        verified(&authorized("GET", "/fs/f", signature, &[DATE, VERSION, ("x-ms-range", "bytes=0-8")]))
            .is_err()
    );
}

#[test]
fn a_changed_byte_is_refused_and_the_string_to_sign_shown() {
    let signature = "kkUOuN55NZe1JS5Aos7ImEgCyPQJCbJgxHSpeX0FlCE=";
    let refused = verified(&authorized("GET", &LISTING.replace("5000", "5001"), signature, &[DATE, VERSION]));
    let failure = refused.unwrap_err();
    assert_eq!((failure.status.as_u16(), failure.code), (403, "AuthenticationFailed"));
    assert!(
        failure
            .message
            .contains("/devstoreaccount1/devstoreaccount1/fs\ndirectory:a b,c/ü+%\nmaxresults:5001")
    );
    assert!(!failure.message.contains(signature));
    assert!(verified(&authorized("PUT", LISTING, signature, &[DATE, VERSION])).is_err());
    assert!(verified(&authorized("GET", LISTING, &signature.replace('k', "l"), &[DATE, VERSION])).is_err());
    assert!(verified(&authorized("GET", LISTING, "", &[DATE, VERSION])).is_err());
    assert!(verified(&authorized("GET", LISTING, "no base64!", &[DATE, VERSION])).is_err());
}

#[test]
fn the_signature_of_a_sas_beside_the_header_is_not_shown() {
    let refused = verified(&authorized("GET", "/fs/f?sig=s3cr3t", "AAAA", &[DATE, VERSION]));
    assert!(!refused.unwrap_err().message.contains("s3cr3t"));
}

#[test]
fn the_date_may_be_a_quarter_of_an_hour_off() {
    let parts = listing();
    for skew in [-15, 15] {
        check(&signed(&parts, Needs::List), NOW + skew * MINUTE).unwrap();
        let failure = check(&signed(&parts, Needs::List), NOW + skew * MINUTE + skew.signum()).unwrap_err();
        assert_eq!((failure.status.as_u16(), failure.code), (403, "AuthenticationFailed"));
    }
    let undated = authorized("GET", LISTING, "AAAA", &[VERSION]);
    assert!(verified(&undated).unwrap_err().message.contains("x-ms-date"));
}

#[test]
fn another_account_than_that_of_the_address_is_refused() {
    for name in ["other", "nobody"] {
        let authorization = format!("SharedKey {name}:AAAA");
        let parts = parts("GET", LISTING, &[DATE, VERSION, ("authorization", &authorization)]);
        assert_eq!(verified(&parts).unwrap_err().code, "AuthenticationFailed");
    }
}
