//! Signing a request: Shared Key and SAS, as policies of the pipeline that run on every try.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use azure_core::{
    credentials::Secret,
    hmac::hmac_sha256,
    http::{
        Context, Request,
        headers::HeaderName,
        policies::{Policy, PolicyResult},
    },
};

/// Shared Key. The official SDK has no such credential by policy and names a policy of one's own as the way
/// (azure-sdk-for-rust #2975).
#[derive(Debug)]
pub(super) struct SharedKeyPolicy {
    account: String,
    key: Secret,
}

impl SharedKeyPolicy {
    pub(super) fn new(account: String, key: Secret) -> Self {
        Self { account, key }
    }
}

#[expect(
    elided_lifetimes_in_paths,
    reason = "the trait elides it; written out, async_trait makes another lifetime of it"
)]
#[async_trait]
impl Policy for SharedKeyPolicy {
    async fn send(&self, ctx: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let signature = hmac_sha256(&string_to_sign(&self.account, request), &self.key)?;
        request.insert_header("authorization", format!("SharedKey {}:{signature}", self.account));
        next[0].send(ctx, request, &next[1..]).await
    }
}

/// The text that is signed.
///
/// Source: <https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key>.
fn string_to_sign(account: &str, request: &Request) -> String {
    let header = |name: &'static str| {
        request.headers().get_optional_str(&HeaderName::from_static(name)).unwrap_or_default()
    };
    let length = match request.body().len() {
        Some(0) | None => String::new(),
        Some(length) => length.to_string(),
    };
    let mut text = format!("{}\n", request.method());
    for line in [
        header("content-encoding"),
        header("content-language"),
        &length,
        header("content-md5"),
        header("content-type"),
        // The date is in x-ms-date.
        "",
        header("if-modified-since"),
        header("if-match"),
        header("if-none-match"),
        header("if-unmodified-since"),
        header("range"),
    ] {
        text.push_str(line);
        text.push('\n');
    }
    let own: BTreeMap<&str, &str> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, _)| name.starts_with("x-ms-"))
        .collect();
    for (name, value) in own {
        text.push_str(&format!("{name}:{}\n", value.trim()));
    }
    text.push_str(&format!("/{account}{}", request.url().path()));
    let mut query: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in request.url().query_pairs() {
        query.entry(name.to_lowercase()).or_default().push(value.into_owned());
    }
    for (name, mut values) in query {
        values.sort_unstable();
        text.push_str(&format!("\n{name}:{}", values.join(",")));
    }
    text
}

/// SAS: the signature is part of the address.
#[derive(Debug)]
pub(super) struct SasPolicy {
    query: Secret,
}

impl SasPolicy {
    pub(super) fn new(query: Secret) -> Self {
        Self { query }
    }
}

#[expect(
    elided_lifetimes_in_paths,
    reason = "the trait elides it; written out, async_trait makes another lifetime of it"
)]
#[async_trait]
impl Policy for SasPolicy {
    async fn send(&self, ctx: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let query = match request.url().query() {
            Some(own) if !own.is_empty() => format!("{own}&{}", self.query.secret()),
            _ => self.query.secret().to_owned(),
        };
        // Set as it is: its own encoding was signed.
        request.url_mut().set_query(Some(&query));
        next[0].send(ctx, request, &next[1..]).await
    }
}

#[cfg(test)]
mod tests {
    use azure_core::http::Method;

    use super::*;

    #[test]
    fn the_signed_text_has_the_documented_form() {
        let url = "http://127.0.0.1:1/acct/in/a%20b/%C3%BC?resource=file&b=2&B=1&x=%2C".parse().unwrap();
        let mut request = Request::new(url, Method::Put);
        request.insert_header("if-none-match", "*");
        request.insert_header("x-ms-version", " v ");
        request.insert_header("x-ms-date", "d");
        assert_eq!(
            string_to_sign("acct", &request),
            "PUT\n\n\n\n\n\n\n\n\n*\n\n\nx-ms-date:d\nx-ms-version:v\n/acct/acct/in/a%20b/%C3%BC\nb:1,2\nresource:file\nx:,"
        );
        request.set_body("12345");
        assert!(string_to_sign("acct", &request).starts_with("PUT\n\n\n5\n"));
    }
}
