//! What the tests of this module share.
//!
//! All signatures were made by `azure-storage-file-datalake` 12.26.1 and `azure-storage-blob` 12.31.1 for Python, with
//! the well-known key of Azurite.

use std::net::{IpAddr, Ipv4Addr};

use axum::http::{Request, request::Parts};

use super::{Account, Audience, AuthFailure, Identity, Needs, SignedRequest, TokenCheck, verify};

/// 2027-01-15T08:00:00Z
pub(super) const NOW: i64 = 1_800_000_000_000;
pub(super) const MINUTE: i64 = 60_000;
pub(super) const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

pub(super) fn accounts() -> Vec<Account> {
    vec![
        Account::new("other", "b3RoZXI=").expect("a key"),
        Account::new("devstoreaccount1", KEY).expect("a key"),
    ]
}

/// Accepts one token, for the storage only.
pub(super) struct OneToken;

impl TokenCheck for OneToken {
    fn accepts(&self, token: &str, audience: Audience, _now_ms: i64) -> bool {
        token == "good" && audience == Audience::Storage
    }

    fn authorization_uri(&self) -> String {
        "https://login/tenant/oauth2/authorize".to_owned()
    }
}

pub(super) fn parts(method: &str, path: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri(format!("/devstoreaccount1{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).expect("a request").into_parts().0
}

pub(super) fn signed(parts: &Parts, needs: Needs) -> SignedRequest<'_> {
    SignedRequest::new(parts, true, IpAddr::V4(Ipv4Addr::LOCALHOST), needs)
}

pub(super) fn check(request: &SignedRequest<'_>, now_ms: i64) -> Result<Identity, AuthFailure> {
    verify(request, &accounts(), &OneToken, now_ms)
}

/// Over TLS from the loopback at [`NOW`].
pub(super) fn get(path: &str, needs: Needs) -> Result<Identity, AuthFailure> {
    check(&signed(&parts("GET", path, &[]), needs), NOW)
}
