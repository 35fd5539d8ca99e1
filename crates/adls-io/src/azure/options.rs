//! What the Azure backend can be told.

use std::time::Duration;

/// Options of an [`AzureLake`](super::AzureLake).
#[derive(Debug, Clone)]
pub struct AzureLakeOptions {
    /// Bytes of one append. A writer holds three such blocks at the most: two on the way, one being filled.
    pub block_bytes: usize,
    /// Entries of one page of a listing; the service allows 5,000.
    pub page_size: u32,
    /// Time to connect.
    pub connect_timeout: Duration,
    /// Longest silence within an answer.
    pub read_timeout: Duration,
    /// Longest time for one try of a request, its answer's body included; the body of a read has no such bound.
    pub request_timeout: Duration,
    /// When a request is repeated.
    pub retry: AzureRetry,
    /// A further root certificate (PEM), beside those of the system.
    pub root_certificate: Option<Vec<u8>>,
    /// The base URL of blobs, where it is not the DFS endpoint with `.blob.` for `.dfs.`; used for the URLs that
    /// other services read from.
    pub blob_endpoint: Option<String>,
}

impl Default for AzureLakeOptions {
    fn default() -> Self {
        Self {
            block_bytes: 512 << 10,
            page_size: 5_000,
            connect_timeout: Duration::from_secs(20),
            read_timeout: Duration::from_mins(1),
            request_timeout: Duration::from_mins(2),
            retry: AzureRetry::default(),
            root_certificate: None,
            blob_endpoint: None,
        }
    }
}

/// How often and how long apart a request is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AzureRetry {
    /// Tries in all; 1 means no retry.
    pub max_attempts: u32,
    /// The longest wait before the first retry; doubled for each further one, with full jitter.
    pub initial: Duration,
    /// The longest wait of all; where the service asks for more (`Retry-After`), the call ends and says so.
    pub max_delay: Duration,
}

impl Default for AzureRetry {
    fn default() -> Self {
        Self { max_attempts: 7, initial: Duration::from_millis(500), max_delay: Duration::from_secs(30) }
    }
}
