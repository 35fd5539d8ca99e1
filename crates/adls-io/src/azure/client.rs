//! One request and its retries.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use azure_core::{
    error::ErrorKind as CoreKind,
    http::{
        AsyncResponseBody, ClientOptions, Context, HttpClient, Pipeline, PipelineStreamOptions, Request,
        RetryOptions, Transport, headers::Headers,
    },
    time::{OffsetDateTime, to_rfc7231},
};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;

use super::{
    AzureCredential, AzureLakeOptions,
    credential::CredentialKind,
    endpoint::Endpoint,
    refusal::{Refusal, unreachable_words},
    retry::{Tries, is_transient, retry_after},
};
use crate::{Error, ErrorKind, LakePath, Location, Result};

/// The version of the service's protocol: new enough for every operation used here.
const VERSION: &str = "2023-11-03";

/// No small answer is larger: a page of 5,000 entries has about 2 MB.
pub(crate) const MAX_ANSWER: usize = 32 << 20;

/// A request that can be repeated, and what it is for.
pub(super) struct Call<'a> {
    pub(super) operation: &'static str,
    pub(super) at: &'a Location,
    pub(super) request: Request,
}

/// A successful answer.
pub(super) struct Reply<B> {
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) body: B,
}

/// A failed call.
pub(crate) struct Failure {
    pub(crate) error: Error,
    /// An earlier try of this very call may have taken effect.
    pub(crate) doubtful: bool,
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

/// One try.
enum Tried<B> {
    Done(Reply<B>),
    Refused(Error),
    /// Worth another try: with what error if there is none, what the service asked, and whether it may have been done.
    Again {
        error: Error,
        asked: Option<Duration>,
        doubtful: bool,
    },
}

#[derive(Debug)]
pub(super) struct Client {
    pipeline: Pipeline,
    pub(super) endpoint: Endpoint,
    pub(super) credential: CredentialKind,
    pub(super) options: AzureLakeOptions,
    /// Whether the endpoint has ever answered.
    heard: AtomicBool,
}

impl Client {
    pub(super) fn new(
        endpoint: &str,
        credential: AzureCredential,
        options: AzureLakeOptions,
    ) -> Result<Self> {
        let wrong = |message: String| Error {
            subject: endpoint.split('?').next().unwrap_or_default().to_owned(),
            ..Error::new(ErrorKind::Invalid, "use", &Location::new("", LakePath::root()), message)
        };
        let endpoint = Endpoint::parse(endpoint, options.blob_endpoint.as_deref()).map_err(wrong)?;
        let checked = credential.check(endpoint.dfs()).map_err(wrong)?;
        let http: Arc<dyn HttpClient> = Arc::new(http_client(&endpoint, &options).map_err(wrong)?);
        let pipeline = Pipeline::new(
            option_env!("CARGO_PKG_NAME"),
            option_env!("CARGO_PKG_VERSION"),
            ClientOptions {
                transport: Some(Transport::new(http)),
                // What may be repeated is decided here alone: the pipeline does not know that a rename which was
                // carried out is told as "source not found" the second time.
                retry: RetryOptions::none(),
                ..ClientOptions::default()
            },
            Vec::new(),
            vec![checked.policy],
            None,
        );
        Ok(Self { pipeline, endpoint, credential: checked.kind, options, heard: AtomicBool::new(false) })
    }

    /// A call whose answer is small; and whether an earlier try of it may have taken effect.
    pub(super) async fn send(&self, call: Call<'_>) -> std::result::Result<(Reply<Bytes>, bool), Failure> {
        let limit = self.options.request_timeout;
        let mut tries = Tries::default();
        loop {
            let tried =
                tokio::time::timeout(limit, self.buffered(&call)).await.unwrap_or_else(|_| Tried::Again {
                    error: self.error(&call, ErrorKind::Unavailable, format!("no answer within {limit:?}")),
                    asked: None,
                    doubtful: true,
                });
            if let Some(reply) = self.after(&mut tries, tried).await? {
                return Ok((reply, tries.doubtful));
            }
        }
    }

    /// A call whose answer is streamed: its body is not part of the retries here.
    pub(super) async fn open(&self, call: Call<'_>) -> Result<Reply<AsyncResponseBody>> {
        let mut tries = Tries::default();
        loop {
            let tried = self.streamed(&call).await;
            if let Some(reply) = self.after(&mut tries, tried).await? {
                return Ok(reply);
            }
        }
    }

    /// The answer; or nothing, after the wait before the next try.
    async fn after<B>(
        &self,
        tries: &mut Tries,
        tried: Tried<B>,
    ) -> std::result::Result<Option<Reply<B>>, Failure> {
        let (error, asked) = match tried {
            Tried::Done(reply) => return Ok(Some(reply)),
            Tried::Refused(error) => return Err(Failure { error, doubtful: tries.doubtful }),
            Tried::Again { error, asked, doubtful } => {
                tries.doubtful |= doubtful;
                (error, asked)
            }
        };
        tries.again(&self.options.retry, self.heard.load(Ordering::Relaxed), error, asked).await?;
        Ok(None)
    }

    async fn buffered(&self, call: &Call<'_>) -> Tried<Bytes> {
        let Reply { status, headers, mut body } = match self.streamed(call).await {
            Tried::Done(reply) => reply,
            Tried::Refused(error) => return Tried::Refused(error),
            Tried::Again { error, asked, doubtful } => return Tried::Again { error, asked, doubtful },
        };
        match collect(&mut body).await {
            Ok(body) => Tried::Done(Reply { status, headers, body }),
            Err(error) => self.again(call, &error),
        }
    }

    async fn streamed(&self, call: &Call<'_>) -> Tried<AsyncResponseBody> {
        let mut request = call.request.clone();
        request.insert_header("x-ms-version", VERSION);
        // A date of its own for each try: a retry minutes later would be refused with the first one's.
        request.insert_header("x-ms-date", to_rfc7231(&OffsetDateTime::now_utc()));
        let unchecked = PipelineStreamOptions { skip_checks: true, ..PipelineStreamOptions::default() };
        let response = match self.pipeline.stream(&Context::new(), &mut request, Some(unchecked)).await {
            Ok(response) => response,
            Err(error) => return self.again(call, &error),
        };
        self.heard.store(true, Ordering::Relaxed);
        let (status, headers, mut body) = response.deconstruct();
        let status = u16::from(status);
        if (200..300).contains(&status) {
            return Tried::Done(Reply { status, headers, body });
        }
        // The words of a refusal help, but are not needed.
        let body = collect(&mut body).await.unwrap_or_default();
        let refusal = Refusal { status, headers: &headers, body: &body };
        let error = refusal.error(call.operation, call.at, &self.credential);
        if is_transient(status) {
            // 429 and 503 are said before anything is done; what else failed may have got through.
            let doubtful = !matches!(status, 429 | 503);
            return Tried::Again { error, asked: retry_after(&headers), doubtful };
        }
        Tried::Refused(error)
    }

    fn again<B>(&self, call: &Call<'_>, error: &azure_core::Error) -> Tried<B> {
        match error.kind() {
            // Never sent, by azure_core's word.
            CoreKind::Connection | CoreKind::Io => {
                let host = self.endpoint.dfs().host_str().unwrap_or_default();
                let message = unreachable_words(error, host);
                Tried::Again {
                    error: self.error(call, ErrorKind::Unavailable, message),
                    asked: None,
                    doubtful: *error.kind() != CoreKind::Connection,
                }
            }
            CoreKind::Credential => {
                let message = format!("the identity gives no token: {error}");
                Tried::Refused(self.error(call, ErrorKind::PermissionDenied, message))
            }
            _ => Tried::Refused(self.error(call, ErrorKind::Invalid, error.to_string())),
        }
    }

    fn error(&self, call: &Call<'_>, kind: ErrorKind, message: String) -> Error {
        Error::new(kind, call.operation, call.at, self.credential.redact(message))
    }
}

/// A small body, bounded.
async fn collect(body: &mut AsyncResponseBody) -> azure_core::Result<Bytes> {
    let mut all = BytesMut::new();
    while let Some(chunk) = body.next().await {
        all.extend_from_slice(&chunk?);
        if all.len() > MAX_ANSWER {
            return Err(azure_core::Error::with_message(CoreKind::Other, "the answer is too large"));
        }
    }
    Ok(all.freeze())
}

pub(crate) fn http_client(
    endpoint: &Endpoint,
    options: &AzureLakeOptions,
) -> std::result::Result<reqwest::Client, String> {
    let mut http = reqwest::Client::builder()
        // A redirect would take the key elsewhere.
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(options.connect_timeout)
        .read_timeout(options.read_timeout);
    if endpoint.dfs().scheme() == "http" {
        // Plain http is this machine: no proxy is asked, it would see the key.
        http = http.no_proxy();
    }
    if let Some(pem) = &options.root_certificate {
        let certificate = reqwest::Certificate::from_pem(pem)
            .map_err(|error| format!("the root certificate cannot be read: {error}"))?;
        http = http.add_root_certificate(certificate);
    }
    http.build().map_err(|error| format!("no HTTP client can be made: {error}"))
}
