//! Two steps in the legacy pipeline: one adds what its operations cannot say, the other keeps what they drop.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use azure_core::http::headers::Headers;
use azure_core_legacy::{BytesStream, Context, Policy, PolicyResult, Request, Response, headers};
use bytes::Bytes;

/// An answer as it came.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) status: u16,
    pub(super) headers: Headers,
    /// Of a refusal; that of a success is the operation's.
    pub(super) body: Bytes,
}

/// Where the answer to one request is kept; it travels in the request's context.
#[derive(Debug, Clone, Default)]
pub(super) struct Slot(Arc<Mutex<Option<Heard>>>);

impl Slot {
    pub(super) fn take(&self) -> Option<Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, heard: Heard) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(heard);
    }
}

/// Which page of a listing is wanted; it travels in the request's context.
#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) size: u32,
    pub(super) token: Option<String>,
}

/// Asks for one page of a listing. The crate's builder would name the page's size `maxresults` and a page to go on
/// from `marker`, which the service knows from blobs, not from paths. And it writes spaces as forms do, while a `+`
/// is a plus to some readers of signatures.
///
/// It stands before the signature is made.
#[derive(Debug)]
pub(super) struct AskForPage;

#[async_trait]
impl Policy for AskForPage {
    async fn send(&self, ctx: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        if let Some(page) = ctx.get::<Page>() {
            let mut query = request.url_mut().query_pairs_mut();
            query.append_pair("maxResults", &page.size.to_string());
            if let Some(token) = &page.token {
                query.append_pair("continuation", token);
            }
        }
        // A real plus is encoded: what is left of them are spaces.
        if let Some(query) = request.url().query().filter(|query| query.contains('+')) {
            let query = query.replace('+', "%20");
            request.url_mut().set_query(Some(&query));
        }
        next[0].send(ctx, request, &next[1..]).await
    }
}

/// Keeps each answer as it came, for what the crate's responses leave out: whether a path is a directory
/// (`x-ms-resource-type`), how long to wait, the service's words. Then it fills in headers without which the crate
/// would refuse a good answer.
///
/// It stands right above the transport.
#[derive(Debug)]
pub(super) struct Listen;

#[async_trait]
impl Policy for Listen {
    async fn send(&self, ctx: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let (status, mut headers, body) = next[0].send(ctx, request, &next[1..]).await?.deconstruct();
        let body = body.collect().await?;
        if let Some(slot) = ctx.get::<Slot>() {
            let mut kept = Headers::new();
            for (name, value) in headers.iter() {
                kept.insert(name.as_str().to_owned(), value.as_str().to_owned());
            }
            let words = if status.is_success() { Bytes::new() } else { body.clone() };
            slot.put(Heard { status: u16::from(status), headers: kept, body: words });
        }
        complete(&mut headers);
        Ok(Response::new(status, headers, Box::pin(BytesStream::new(body))))
    }
}

/// Adds the headers that the crate insists on and that say nothing of the file: a gateway may have dropped them.
fn complete(headers: &mut headers::Headers) {
    let is_id =
        headers.get_optional_str(&headers::REQUEST_ID).is_some_and(|id| uuid::Uuid::parse_str(id).is_ok());
    if !is_id {
        headers.insert(headers::REQUEST_ID, uuid::Uuid::nil().to_string());
    }
    for (name, value) in [
        (headers::SERVER, "unknown"),
        (headers::VERSION, "unknown"),
        (headers::DATE, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (headers::LAST_MODIFIED, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (headers::ETAG, ""),
        (headers::PROPERTIES, ""),
        // What the account is, is read from the answer as it came.
        (headers::HeaderName::from_static("x-ms-namespace-enabled"), "true"),
    ] {
        if headers.get_optional_str(&name).is_none() {
            headers.insert(name, value);
        }
    }
}
