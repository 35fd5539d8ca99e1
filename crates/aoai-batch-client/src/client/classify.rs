//! From statuses and transport errors to kinds: the only place that decides.

use std::time::Duration;

use url::Url;

use super::request::Call;
use crate::{
    error::{Applied, Error, ErrorKind, Inner},
    wire::{parse_error_body, without_queries},
};

impl Error {
    /// Nothing was sent.
    pub(super) fn before_sending(
        kind: ErrorKind,
        operation: &'static str,
        url: &Url,
        message: impl Into<String>,
    ) -> Self {
        Self::build(kind, Applied::No, operation, url, message.into())
    }

    /// An answer that is an error.
    pub(super) fn from_answer(
        call: &Call,
        status: u16,
        body: &[u8],
        request_id: Option<String>,
        retry_after: Option<Duration>,
    ) -> Self {
        let (code, text) = match status {
            300..400 => (None, "a redirect, which would take the key elsewhere".to_owned()),
            _ => parse_error_body(body),
        };
        // A service may quote the URL that it could not import.
        let text = without_queries(&text);
        let mut error = Self::build(
            kind_of(status, code.as_deref(), &text),
            applied(call, status),
            call.operation,
            &call.url,
            match &code {
                Some(code) => format!("HTTP {status}, {code}: {text}"),
                None => format!("HTTP {status}: {text}"),
            },
        );
        error.inner.status = Some(status);
        error.inner.code = code;
        error.inner.request_id = request_id;
        error.inner.retry_after = retry_after;
        error
    }

    /// The request could not be sent, or no answer came.
    pub(super) fn from_transport(call: &Call, source: reqwest::Error) -> Self {
        let source = source.without_url();
        // reqwest says "connect" for DNS, TCP and TLS: the request itself was not sent then.
        let (kind, applied, message) = if source.is_connect() {
            (ErrorKind::Connection, Applied::No, "no connection could be made")
        } else if source.is_builder() {
            (ErrorKind::Local, Applied::No, "the request could not be built")
        } else {
            (ErrorKind::Interrupted, call.unknown(), "the connection broke before an answer came")
        };
        let mut error = Self::build(kind, applied, call.operation, &call.url, message.to_owned());
        error.inner.source = Some(Box::new(source));
        error
    }

    /// The request was sent, or begun; then nothing happened for too long.
    pub(super) fn timed_out(call: &Call) -> Self {
        let message = "no answer came in time".to_owned();
        Self::build(ErrorKind::Interrupted, call.unknown(), call.operation, &call.url, message)
    }

    /// A 2xx whose body is cut or makes no sense.
    pub(super) fn unreadable(
        call: &Call,
        message: String,
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        let mut error =
            Self::build(ErrorKind::Interrupted, call.unknown(), call.operation, &call.url, message);
        error.inner.source = source;
        error
    }

    pub(super) fn after_attempts(mut self, attempts: u32) -> Self {
        self.inner.attempts = attempts;
        self
    }

    /// Nothing to do with any URL yet.
    pub(super) fn without_url(operation: &'static str, message: String) -> Self {
        Self::at(ErrorKind::Local, Applied::No, operation, String::new(), message)
    }

    fn build(kind: ErrorKind, applied: Applied, operation: &'static str, url: &Url, message: String) -> Self {
        let mut plain = url.clone();
        plain.set_query(None);
        // These may hold a secret, too. Only a URL that cannot have them refuses.
        let _ = plain.set_username("").and_then(|()| plain.set_password(None));
        Self::at(kind, applied, operation, plain.into(), message)
    }

    fn at(kind: ErrorKind, applied: Applied, operation: &'static str, url: String, message: String) -> Self {
        Self {
            inner: Box::new(Inner {
                kind,
                applied,
                operation,
                url,
                status: None,
                code: None,
                message,
                request_id: None,
                attempts: 1,
                retry_after: None,
                source: None,
            }),
        }
    }
}

impl Call {
    fn unknown(&self) -> Applied {
        if self.mutates { Applied::Unknown } else { Applied::No }
    }
}

/// What a refusal means. The fail-fast form of the token quota is a 400 whose text names the code.
fn kind_of(status: u16, code: Option<&str>, message: &str) -> ErrorKind {
    let quota = ["quotaExceeded", "token_limit_exceeded"];
    if (400..500).contains(&status)
        && status != 401
        && (code.is_some_and(|code| quota.contains(&code)) || message.contains("token_limit_exceeded"))
    {
        return ErrorKind::QuotaExceeded;
    }
    match status {
        401 | 403 => ErrorKind::Unauthorized,
        404 => ErrorKind::NotFound,
        429 => ErrorKind::Throttled,
        408 | 409 => ErrorKind::Unavailable,
        300..500 => ErrorKind::Rejected,
        500.. => ErrorKind::Unavailable,
        _ => ErrorKind::Interrupted,
    }
}

/// A request that was refused as a whole had no effect; 408, 409 and 5xx leave it open.
fn applied(call: &Call, status: u16) -> Applied {
    match status {
        408 | 409 => call.unknown(),
        400..500 => Applied::No,
        _ => call.unknown(),
    }
}

/// Whether trying again may help.
pub(super) fn is_passing(error: &Error) -> bool {
    use ErrorKind as K;
    matches!(error.kind(), K::Connection | K::Throttled | K::Unavailable | K::Interrupted)
}

#[cfg(test)]
mod tests {
    use reqwest::Method;

    use super::*;

    fn call(mutates: bool) -> Call {
        let url = "https://h/openai/v1/batches?sig=secret".parse().unwrap();
        Call { operation: "create batch", method: Method::POST, url, mutates, idempotent: false }
    }

    fn answer(mutates: bool, status: u16, body: &str) -> Error {
        Error::from_answer(&call(mutates), status, body.as_bytes(), None, None)
    }

    #[test]
    fn statuses_and_codes_have_one_meaning() {
        use ErrorKind as K;
        let cases: [(u16, &str, K, Applied); 12] = [
            (401, "{}", K::Unauthorized, Applied::No),
            (403, "{}", K::Unauthorized, Applied::No),
            (404, r#"{"error":{"code":"404","message":"Resource not found"}}"#, K::NotFound, Applied::No),
            (429, "{}", K::Throttled, Applied::No),
            (400, r#"{"error":{"code":"quotaExceeded","message":"files"}}"#, K::QuotaExceeded, Applied::No),
            (
                400,
                r#"{"error":{"code":"x","message":"token_limit_exceeded: …"}}"#,
                K::QuotaExceeded,
                Applied::No,
            ),
            (400, "{}", K::Rejected, Applied::No),
            (413, "{}", K::Rejected, Applied::No),
            (408, "{}", K::Unavailable, Applied::Unknown),
            (409, "{}", K::Unavailable, Applied::Unknown),
            (500, "<html>", K::Unavailable, Applied::Unknown),
            (302, "", K::Rejected, Applied::Unknown),
        ];
        for (status, body, kind, applied) in cases {
            let error = answer(true, status, body);
            assert_eq!((error.kind(), error.applied()), (kind, applied), "{status} {body}");
        }
    }

    #[test]
    fn reads_have_no_effect_whatever_happens() {
        assert_eq!(answer(false, 500, "").applied(), Applied::No);
    }

    #[test]
    fn no_query_is_ever_shown() {
        let error = answer(true, 500, "boom");
        assert!(!format!("{error} {error:?}").contains("secret"));
        assert!(error.to_string().contains("create batch"), "{error}");
    }
}
