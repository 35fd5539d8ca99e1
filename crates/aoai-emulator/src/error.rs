//! The crate's error.

use std::{io, path::PathBuf};

use thiserror::Error;

/// Why the emulator could not start or do as told.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EmulatorError {
    /// The port is taken or not allowed.
    #[error("bind 127.0.0.1:{port}")]
    Bind {
        /// The port asked for.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The directory for bodies cannot be used.
    #[error("use {} for file bodies", path.display())]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A value in the configuration makes no sense.
    #[error("accept the configuration: {0}")]
    Config(String),
    /// The HTTP client for imports and the upstream cannot be built.
    #[error("build the HTTP client")]
    HttpClient(#[source] reqwest::Error),
    /// The storage half refuses.
    #[error("do it in the lake: {code}: {message}")]
    Lake {
        /// The service's code for it.
        code: &'static str,
        /// What that means.
        message: String,
    },
    /// The certificates for TLS cannot be made.
    #[error("make the certificates for TLS: {0}")]
    Certificates(String),
    /// The certificate of the authority cannot be written.
    #[error("write the certificate of the authority to {}", path.display())]
    CaFile {
        /// Where it should go.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No file or batch has this id, or it has ended already.
    #[error("find {0}")]
    NotFound(String),
}

/// What the fallible functions of this crate return.
pub type Result<T> = std::result::Result<T, EmulatorError>;
