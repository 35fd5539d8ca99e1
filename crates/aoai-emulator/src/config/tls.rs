//! Configuration of the second, encrypted way in.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where the emulator serves TLS, with a certificate for `localhost`, `127.0.0.1` and `::1` made at its start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// Port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// Where the certificate of the authority goes, in PEM; none = among the file bodies, which are removed at the end.
    pub ca_file: Option<PathBuf>,
}
