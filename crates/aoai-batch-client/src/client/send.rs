//! The one sender: credentials, deadline, retries, classification.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{ACCEPT, HeaderMap};
use serde::de::DeserializeOwned;

use super::{
    auth::Credential,
    calls::BatchClientOptions,
    classify::is_passing,
    request::Call,
    retry::{RetryOptions, retry_after},
};
use crate::error::{Error, ErrorKind, Result};

/// An error body beyond this is not worth reading.
const MAX_ERROR_BODY: usize = 64 << 10;

/// Sends requests.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    http: reqwest::Client,
    credential: Arc<Credential>,
    retry: RetryOptions,
    call_timeout: Duration,
}

/// What a small call carries.
pub(super) enum Body {
    None,
    Json(serde_json::Value),
}

/// The answer to a small call.
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Sender {
    pub(super) fn new(
        credential: Credential,
        options: &BatchClientOptions,
    ) -> std::result::Result<Self, String> {
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("aoai-batch-client/", env!("CARGO_PKG_VERSION")))
            // A redirect would take the key elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(options.connect_timeout)
            .read_timeout(options.read_timeout);
        if let Some(pem) = &options.root_certificate {
            let certificate = reqwest::Certificate::from_pem(pem)
                .map_err(|error| format!("the root certificate cannot be read: {error}"))?;
            http = http.add_root_certificate(certificate);
        }
        Ok(Self {
            http: http.build().map_err(|error| format!("no HTTP client can be made: {error}"))?,
            credential: Arc::new(credential),
            retry: options.retry,
            call_timeout: options.call_timeout,
        })
    }

    /// A small call with retries, its answer read as JSON.
    pub(super) async fn json<T: DeserializeOwned>(&self, call: &Call, body: &Body) -> Result<T> {
        self.retrying(call, || async { self.once(call, body).await?.json(call) }).await
    }

    /// A small call with retries.
    pub(super) async fn call(&self, call: &Call, body: &Body) -> Result<Answer> {
        self.retrying(call, || self.once(call, body)).await
    }

    /// A small call: exactly one request, within the deadline.
    pub(super) async fn once(&self, call: &Call, body: &Body) -> Result<Answer> {
        let mut request = self.request(call).await?.timeout(self.call_timeout);
        request = match body {
            Body::Json(json) => request.json(json),
            // Gateways refuse a POST that says nothing about its length.
            Body::None if call.mutates => request.body(""),
            Body::None => request,
        };
        let response = self.answer(call, request).await?;
        let headers = response.headers().clone();
        let body = response.bytes().await.map_err(|error| {
            Error::unreadable(call, "the answer was cut".into(), Some(Box::new(error.without_url())))
        })?;
        Ok(Answer { headers, body })
    }

    /// A request with its credentials.
    pub(super) async fn request(&self, call: &Call) -> Result<reqwest::RequestBuilder> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, reqwest::header::HeaderValue::from_static("application/json"));
        self.credential.header(&mut headers).await.map_err(|message| {
            Error::before_sending(ErrorKind::Unauthorized, call.operation, &call.url, message)
        })?;
        Ok(self.http.request(call.method.clone(), call.url.clone()).headers(headers))
    }

    /// Sends; an answer other than 2xx is an error.
    pub(super) async fn answer(
        &self,
        call: &Call,
        request: reqwest::RequestBuilder,
    ) -> Result<reqwest::Response> {
        let mut response = request.send().await.map_err(|error| Error::from_transport(call, error))?;
        let status = response.status();
        tracing::debug!(
            operation = call.operation,
            path = call.url.path(),
            status = status.as_u16(),
            "answered"
        );
        if status.is_success() {
            return Ok(response);
        }
        let (wait, request_id) = (retry_after(response.headers()), request_id(response.headers()));
        let mut body = Vec::new();
        // An error whose text is cut is still that error.
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_ERROR_BODY {
                break;
            }
        }
        Err(Error::from_answer(call, status.as_u16(), &body, request_id, wait))
    }

    /// Repeats what may be repeated, while it may help.
    pub(super) async fn retrying<T, F: Future<Output = Result<T>>>(
        &self,
        call: &Call,
        mut once: impl FnMut() -> F,
    ) -> Result<T> {
        let mut attempt = 1;
        loop {
            let error = match once().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error.after_attempts(attempt),
            };
            let harmless = call.idempotent || error.applied() == crate::Applied::No;
            if !(is_passing(&error) && harmless) {
                return Err(error);
            }
            let Some(wait) = self.retry.wait(attempt, error.retry_after(), rand::random()) else {
                return Err(error);
            };
            tracing::warn!(operation = call.operation, attempt, ?wait, "{}", error.message());
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    pub(super) fn retry_options(&self) -> &RetryOptions {
        &self.retry
    }
}

impl Answer {
    pub(super) fn json<T: DeserializeOwned>(&self, call: &Call) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Error::unreadable(call, format!("the answer cannot be read: {error}"), Some(Box::new(error)))
        })
    }
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    let names = ["apim-request-id", "x-request-id", "x-ms-request-id"];
    names.iter().find_map(|name| Some(headers.get(*name)?.to_str().ok()?.to_owned()))
}
