use axum::http::{Request, StatusCode};

use crate::storage_auth::{
    AuthFailure, Identity, Needs, Scheme, SignedRequest,
    testing::{NOW, accounts, check, get, parts, signed},
    verify_source,
};

const MOVABLE: &str = "se=2027-01-15T08%3A30%3A00Z&sp=racwdlme&sv=2026-10-06&sr=c&sig=atIr0Fhqkntz6UeVitKLaBLbAIucfod9iKUzUM9L4CY%3D";

fn with_authorization(value: &str, tls: bool) -> Result<Identity, AuthFailure> {
    let parts = parts("GET", "/fs/f", &[("authorization", value)]);
    let mut request = signed(&parts, Needs::Read);
    request.tls = tls;
    check(&request, NOW)
}

#[test]
fn a_request_without_any_proof_is_told_where_tokens_come_from() {
    let failure = get("/fs/f", Needs::Read).unwrap_err();
    assert_eq!((failure.status, failure.code), (StatusCode::UNAUTHORIZED, "NoAuthenticationInformation"));
    let challenge = failure.challenge.unwrap();
    assert_eq!(
        challenge,
        "Bearer authorization_uri=https://login/tenant/oauth2/authorize resource_id=https://storage.azure.com"
    );
}

#[test]
fn a_bearer_token_needs_tls() {
    assert_eq!(with_authorization("Bearer good", true).unwrap().scheme, Scheme::Bearer);
    assert_eq!(with_authorization("bearer  good", true).unwrap().scheme, Scheme::Bearer);
    let plain = with_authorization("Bearer good", false).unwrap_err();
    assert_eq!((plain.status.as_u16(), plain.code), (403, "AuthenticationFailed"));
    let bad = with_authorization("Bearer s3cr3t", true).unwrap_err();
    assert_eq!((bad.status.as_u16(), bad.code), (401, "InvalidAuthenticationInfo"));
    assert!(bad.challenge.is_some() && !format!("{bad:?}").contains("s3cr3t"));
}

#[test]
fn other_schemes_are_refused() {
    for value in ["SharedKeyLite devstoreaccount1:AAAA", "Basic AAAA", "SharedKey", "SharedKey x", ""] {
        assert_eq!(with_authorization(value, true).unwrap_err().code, "AuthenticationFailed", "{value}");
    }
}

#[test]
fn an_unknown_account_has_no_tokens() {
    let parts = Request::builder()
        .uri("/nobody/fs/f")
        .header("authorization", "Bearer good")
        .body(())
        .unwrap()
        .into_parts()
        .0;
    assert_eq!(check(&signed(&parts, Needs::Read), NOW).unwrap_err().code, "AuthenticationFailed");
}

#[test]
fn the_source_of_a_rename_needs_a_sas_if_the_target_has_one() {
    let parts = parts("PUT", "/fs/new", &[]);
    let source = SignedRequest { path: "/devstoreaccount1/fs/old", ..signed(&parts, Needs::Move) };
    let by = |scheme| Identity { account: "devstoreaccount1".to_owned(), scheme };
    let verified = |scheme, source: &SignedRequest<'_>, request_query: &str| {
        verify_source(&by(scheme), source, request_query, &accounts(), NOW).map_err(|failure| failure.code)
    };
    assert_eq!(verified(Scheme::SharedKey, &source, ""), Ok(()));
    assert_eq!(verified(Scheme::Bearer, &source, ""), Ok(()));
    assert_eq!(verified(Scheme::ServiceSas, &source, MOVABLE), Ok(()));
    assert_eq!(verified(Scheme::ServiceSas, &SignedRequest { query: MOVABLE, ..source }, ""), Ok(()));
    assert_eq!(verified(Scheme::ServiceSas, &source, ""), Err("AuthorizationFailure"));
    let elsewhere = SignedRequest { path: "/devstoreaccount1/fs2/old", ..source };
    assert_eq!(verified(Scheme::ServiceSas, &elsewhere, MOVABLE), Err("AuthenticationFailed"));
    let foreign = SignedRequest { path: "/other/fs/old", ..source };
    assert_eq!(verified(Scheme::SharedKey, &foreign, ""), Err("AuthorizationFailure"));
}

#[test]
fn keys_do_not_show() {
    let shown = format!("{:?}", accounts());
    assert!(shown.contains("devstoreaccount1") && !shown.contains("key"), "{shown}");
}
