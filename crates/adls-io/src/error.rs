//! One error type; its kind is named by what the caller can do.

use crate::Location;

/// The result of every call of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an operation failed, and on what.
#[derive(Debug, thiserror::Error)]
#[error("{operation} {subject}: {message}")]
pub struct Error {
    /// What the caller can do about it.
    pub kind: ErrorKind,
    /// Such as `read` or `rename`.
    pub operation: &'static str,
    /// The path, for people.
    pub subject: String,
    /// For people; never holds a secret.
    pub message: String,
    /// The service's error code, where there is a service.
    pub code: Option<String>,
    /// The service's request id, where there is a service.
    pub request_id: Option<String>,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What the caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// There is no such path.
    NotFound,
    /// There is no such filesystem. Not the same as a path that is gone: what was in it is not gone, the lake is.
    NoFilesystem,
    /// `IfAbsent`, but there is something.
    AlreadyExists,
    /// `IfMatch`, but it is another version.
    Precondition,
    /// A directory where a file was expected, or the reverse.
    WrongType,
    /// Not allowed: fix permissions or roles.
    PermissionDenied,
    /// The medium is full or a quota is used up: make room, then try again.
    StorageFull,
    /// The path or the configuration is not valid for this lake.
    Invalid,
    /// The lake could not be reached, or said to try later.
    Unavailable,
    /// The bytes ended early, or the medium failed.
    Io,
}

impl Error {
    /// Whether there is nothing: no such path, or not even such a filesystem.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self.kind, ErrorKind::NotFound | ErrorKind::NoFilesystem)
    }

    /// An error on a location.
    pub fn new(kind: ErrorKind, operation: &'static str, at: &Location, message: impl Into<String>) -> Self {
        Self {
            kind,
            operation,
            subject: at.to_string(),
            message: message.into(),
            code: None,
            request_id: None,
            source: None,
        }
    }

    /// The same error with its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}
