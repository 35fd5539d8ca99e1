//! The way in.

use axum::http::header;

use super::{
    Account, AuthFailure, Identity, Scheme, SignedRequest, TokenCheck,
    request::Audience,
    sas::{self, Sas},
    shared_key,
};

/// Finds out who sent the request and whether they may do what it `needs`.
///
/// An `Authorization` header counts before a SAS in the query.
pub(crate) fn verify(
    request: &SignedRequest<'_>,
    accounts: &[Account],
    tokens: &dyn TokenCheck,
    now_ms: i64,
) -> Result<Identity, AuthFailure> {
    let Some(authorization) = request.header(header::AUTHORIZATION.as_str()) else {
        let sas = Sas::parse(request.query).ok_or_else(|| AuthFailure::no_information(challenge(tokens)))?;
        return check_sas(&sas, request, accounts, now_ms);
    };
    let (scheme, credentials) = authorization.split_once(' ').unwrap_or((&authorization, ""));
    if scheme.eq_ignore_ascii_case("SharedKey") {
        let account = shared_key::check(request, credentials.trim(), accounts, now_ms)?;
        Ok(Identity { account: account.name.clone(), scheme: Scheme::SharedKey })
    } else if scheme.eq_ignore_ascii_case("Bearer") {
        check_token(request, credentials.trim(), accounts, tokens, now_ms)
    } else if scheme.eq_ignore_ascii_case("SharedKeyLite") {
        Err(AuthFailure::not_authenticated("This emulator knows SharedKey, but not SharedKeyLite."))
    } else {
        Err(AuthFailure::not_authenticated("The authentication scheme is neither SharedKey nor Bearer."))
    }
}

/// Checks the source of a rename, whose path and query are in `x-ms-rename-source`.
///
/// `source` is the request with that path (in the form `/account/file-system/path`) and query, and what the source
/// needs. A key or a token covers the source already; a SAS may come with the source or be that of the request.
pub(crate) fn verify_source(
    identity: &Identity,
    source: &SignedRequest<'_>,
    request_query: &str,
    accounts: &[Account],
    now_ms: i64,
) -> Result<(), AuthFailure> {
    if source.target().account != identity.account {
        return Err(AuthFailure::not_delegable());
    }
    if matches!(identity.scheme, Scheme::SharedKey | Scheme::Bearer) {
        return Ok(());
    }
    let sas = Sas::parse(source.query).or_else(|| Sas::parse(request_query));
    let sas = sas.ok_or_else(AuthFailure::not_delegable)?;
    check_sas(&sas, source, accounts, now_ms).map(|_| ())
}

fn check_sas(
    sas: &Sas,
    request: &SignedRequest<'_>,
    accounts: &[Account],
    now_ms: i64,
) -> Result<Identity, AuthFailure> {
    let account = account_of(request, accounts)?;
    let scheme = sas::check(sas, request, account, now_ms)?;
    Ok(Identity { account: account.name.clone(), scheme })
}

fn check_token(
    request: &SignedRequest<'_>,
    token: &str,
    accounts: &[Account],
    tokens: &dyn TokenCheck,
    now_ms: i64,
) -> Result<Identity, AuthFailure> {
    if !request.tls {
        return Err(AuthFailure::not_authenticated("Authentication scheme Bearer is not allowed with HTTP."));
    }
    let account = account_of(request, accounts)?;
    if !tokens.accepts(token, Audience::Storage, now_ms) {
        return Err(AuthFailure::invalid_token(challenge(tokens)));
    }
    Ok(Identity { account: account.name.clone(), scheme: Scheme::Bearer })
}

fn account_of<'a>(request: &SignedRequest<'_>, accounts: &'a [Account]) -> Result<&'a Account, AuthFailure> {
    let name = request.target().account;
    accounts
        .iter()
        .find(|account| account.name == name)
        .ok_or_else(|| AuthFailure::not_authenticated("The account in the address is unknown."))
}

fn challenge(tokens: &dyn TokenCheck) -> String {
    format!("Bearer authorization_uri={} resource_id=https://storage.azure.com", tokens.authorization_uri())
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
