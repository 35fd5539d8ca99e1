//! One error type; its kind is named by what the caller can do.

use std::time::Duration;

/// The result of every call of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a call failed, of which request, after how many tries.
///
/// Never holds a secret: the URL is kept without its query, headers not at all.
#[derive(Debug)]
pub struct Error {
    pub(crate) inner: Box<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) kind: ErrorKind,
    pub(crate) applied: Applied,
    pub(crate) operation: &'static str,
    pub(crate) url: String,
    pub(crate) status: Option<u16>,
    pub(crate) code: Option<String>,
    pub(crate) message: String,
    pub(crate) request_id: Option<String>,
    pub(crate) attempts: u32,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What the caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// No connection was made: nothing was sent, so anything may be tried again.
    Connection,
    /// The credential is missing, wrong or lacks a role (401, 403): fix the configuration.
    Unauthorized,
    /// There is no such file, batch or URL (404).
    NotFound,
    /// Too many requests (429): try later.
    Throttled,
    /// A quota is full (the file quota, the enqueued-token quota): try when it has room.
    QuotaExceeded,
    /// The service refused the request as it is (any other 4xx), or redirected it, which is not followed.
    Rejected,
    /// The service is in trouble (408, 5xx): try later, looking first if the call changes something.
    Unavailable,
    /// Sent, but no usable answer came (time-out, reset, cut or unparsable body): look first.
    Interrupted,
    /// The request could not be built or its body not be read; nothing wrong with the service.
    Local,
}

/// Whether a failed request may have taken effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Applied {
    /// Certainly not.
    No,
    /// It may have: look before repeating it.
    Unknown,
}

impl Error {
    /// An error of one's own: for other implementations of [`BatchApi`](crate::BatchApi), and for mocks of it.
    #[must_use]
    pub fn new(
        kind: ErrorKind,
        applied: Applied,
        operation: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            inner: Box::new(Inner {
                kind,
                applied,
                operation,
                url: String::new(),
                status: None,
                code: None,
                message: message.into(),
                request_id: None,
                attempts: 1,
                retry_after: None,
                source: None,
            }),
        }
    }

    /// The same, with the service's code.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.inner.code = Some(code.into());
        self
    }

    /// The same, with the time that the service asked to wait.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.inner.retry_after = Some(wait);
        self
    }

    /// What the caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// Whether the request may have taken effect.
    #[must_use]
    pub fn applied(&self) -> Applied {
        self.inner.applied
    }

    /// The HTTP status, if there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.inner.status
    }

    /// The service's error code, such as `quotaExceeded`.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.inner.code.as_deref()
    }

    /// The service's message, or what went wrong on the way.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// The service's request id.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.inner.request_id.as_deref()
    }

    /// How many requests were sent or tried.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.inner.attempts
    }

    /// How long the service asked to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.inner.retry_after
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}): {}", self.inner.operation, self.inner.url, self.inner.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.inner.source.as_ref().map(|s| &**s as _)
    }
}
