//! Our HTTP client under the legacy pipeline.

use async_trait::async_trait;
use azure_core_legacy::{
    Body, BytesStream, HttpClient, Request, Response, Result, StatusCode,
    error::{Error, ErrorKind},
    headers::{HeaderName, HeaderValue, Headers},
};
use bytes::{Bytes, BytesMut};
use reqwest::Method;

use crate::azure::client::MAX_ANSWER;

/// The same client that [`AzureLake`](crate::AzureLake) uses: it keeps its connections, has timeouts and follows no
/// redirect. The crate's own has no timeout at all and opens a connection for each request.
///
/// Bodies are gathered here, within a bound, since the operations above gather them anyway, without one.
#[derive(Debug)]
pub(super) struct Transport(pub(super) reqwest::Client);

/// A request that was not sent, or not answered. Its source is the HTTP client's error.
fn unanswered(error: reqwest::Error) -> Error {
    Error::new(ErrorKind::Io, error)
}

fn unusable<E: std::error::Error + Send + Sync + 'static>(error: E) -> Error {
    Error::new(ErrorKind::DataConversion, error)
}

#[async_trait]
impl HttpClient for Transport {
    async fn execute_request(&self, request: &Request) -> Result<Response> {
        let method = Method::from_bytes(request.method().as_ref().as_bytes()).map_err(unusable)?;
        let mut call = self.0.request(method, request.url().as_str());
        for (name, value) in request.headers().iter() {
            call = call.header(name.as_str(), value.as_str());
        }
        call = match request.body() {
            Body::Bytes(bytes) => call.body(bytes.clone()),
            Body::SeekableStream(_) => {
                return Err(Error::message(ErrorKind::Other, "no operation here sends a stream"));
            }
        };
        let mut answer = call.send().await.map_err(unanswered)?;
        let status = StatusCode::try_from(answer.status().as_u16())
            .map_err(|_| Error::message(ErrorKind::DataConversion, "the answer's status is unknown"))?;
        let mut headers = Headers::new();
        for (name, value) in answer.headers() {
            if let Ok(text) = value.to_str() {
                let (name, text) = (name.as_str().to_owned(), text.to_owned());
                headers.insert(HeaderName::from(name), HeaderValue::from(text));
            }
        }
        let body = collect(&mut answer).await?;
        Ok(Response::new(status, headers, Box::pin(BytesStream::new(body))))
    }
}

async fn collect(answer: &mut reqwest::Response) -> Result<Bytes> {
    let mut all = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(unanswered)? {
        all.extend_from_slice(&chunk);
        if all.len() > MAX_ANSWER {
            return Err(Error::message(ErrorKind::Other, "the answer is too large"));
        }
    }
    Ok(all.freeze())
}
