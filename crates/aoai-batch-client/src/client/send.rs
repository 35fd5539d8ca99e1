//! The one sender: credentials, deadline, retries, classification.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::{
    Method,
    header::{CONTENT_LENGTH, HeaderMap},
};
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use url::Url;

use super::{
    auth::Credential,
    calls::BatchClientOptions,
    classify::is_passing,
    request::Call,
    retry::{RetryOptions, retry_after},
};
use crate::error::{Applied, Error, ErrorKind, Result};

/// An error body beyond this is not worth reading.
const MAX_ERROR_BODY: usize = 64 << 10;

/// Nor is one worth a long wait: the status is known.
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends requests.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    http: reqwest::Client,
    credential: Arc<Credential>,
    retry: RetryOptions,
    call_timeout: Duration,
    read_timeout: Duration,
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
    /// A sender for one endpoint.
    pub(super) fn new(
        endpoint: &Url,
        credential: Credential,
        options: &BatchClientOptions,
    ) -> std::result::Result<Self, String> {
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("aoai-batch-client/", env!("CARGO_PKG_VERSION")))
            // A redirect would take the key elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            // Whether a request may be repeated is decided here alone.
            .retry(reqwest::retry::never())
            // No `read_timeout`: reqwest counts it from the start of an upload, however well that gets on.
            .connect_timeout(options.connect_timeout);
        if endpoint.scheme() == "http" {
            // The system's proxy is not this machine: it would see the key.
            http = http.no_proxy();
        }
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
            read_timeout: options.read_timeout,
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
        let mut request = self.request(call).await?;
        request = match body {
            Body::Json(json) => request.json(json),
            // Gateways refuse a POST that says nothing about its length, as hyper does of an empty one.
            Body::None if call.method == Method::POST => request.header(CONTENT_LENGTH, 0),
            Body::None => request,
        };
        within(self.call_timeout, call, self.answer(call, request)).await
    }

    /// A request with its credentials.
    pub(super) async fn request(&self, call: &Call) -> Result<reqwest::RequestBuilder> {
        let mut headers = HeaderMap::new();
        let fail = |kind, message: String| Error::before_sending(kind, call.operation, &call.url, message);
        match timeout(self.call_timeout, self.credential.header(&mut headers)).await {
            Ok(Ok(())) => Ok(self.http.request(call.method.clone(), call.url.clone()).headers(headers)),
            Ok(Err(message)) => Err(fail(ErrorKind::Unauthorized, message)),
            Err(_) => Err(fail(ErrorKind::Connection, "the credential gave no token in time".into())),
        }
    }

    /// Sends, and reads the answer into memory; one other than 2xx is an error.
    pub(super) async fn answer(&self, call: &Call, request: reqwest::RequestBuilder) -> Result<Answer> {
        let response = self.send(call, request).await?;
        if !response.status().is_success() {
            return Err(refusal(call, response).await);
        }
        let headers = response.headers().clone();
        let body = response.bytes().await.map_err(|error| {
            Error::unreadable(call, "the answer was cut".into(), Some(Box::new(error.without_url())))
        })?;
        Ok(Answer { headers, body })
    }

    /// Sends. Every answer is one, whatever its status.
    pub(super) async fn send(
        &self,
        call: &Call,
        request: reqwest::RequestBuilder,
    ) -> Result<reqwest::Response> {
        let response = request.send().await.map_err(|error| Error::from_transport(call, error))?;
        let status = response.status().as_u16();
        tracing::debug!(operation = call.operation, path = call.url.path(), status, "answered");
        Ok(response)
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
            // 503 refuses a request as a whole. That is not certain enough to say that it was not applied, but it is
            // for what is free of charge.
            let harmless = call.idempotent || error.applied() == Applied::No || error.status() == Some(503);
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

    pub(super) fn read_timeout(&self) -> Duration {
        self.read_timeout
    }
}

/// The error that an answer other than 2xx is.
pub(super) async fn refusal(call: &Call, mut response: reqwest::Response) -> Error {
    let status = response.status().as_u16();
    let (wait, request_id) = (retry_after(response.headers()), request_id(response.headers()));
    let mut body = Vec::new();
    // An error whose text is cut is still that error.
    let text = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_ERROR_BODY {
                break;
            }
        }
    };
    let _ = timeout(ERROR_BODY_TIMEOUT, text).await;
    Error::from_answer(call, status, &body, request_id, wait)
}

/// The outcome, or an error after `limit`.
pub(super) async fn within<T>(
    limit: Duration,
    call: &Call,
    outcome: impl Future<Output = Result<T>>,
) -> Result<T> {
    timeout(limit, outcome).await.unwrap_or_else(|_| Err(Error::timed_out(call)))
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
