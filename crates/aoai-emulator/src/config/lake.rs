//! The storage accounts.

use serde::{Deserialize, Serialize};

use super::Secret;

/// The ADLS Gen2 half: accounts whose DFS endpoint is `URL/ACCOUNT`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LakeConfig {
    /// The accounts.
    pub accounts: Vec<LakeAccount>,
    /// Filesystems that are there from the start, in every account.
    pub create_filesystems: Vec<String>,
    /// Whether requests must be signed (Shared Key, SAS) or bear a token, as the real service always wants it.
    pub require_auth: bool,
}

impl Default for LakeConfig {
    fn default() -> Self {
        Self { accounts: vec![LakeAccount::default()], create_filesystems: Vec::new(), require_auth: true }
    }
}

/// One storage account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LakeAccount {
    /// Its name: the first segment of the path of its URLs.
    pub name: String,
    /// Its key, in base64.
    pub key: Secret,
    /// Whether it has a hierarchical namespace. Without one, a client of Gen2 has to refuse it.
    pub hierarchical_namespace: bool,
}

impl Default for LakeAccount {
    /// The account and the key that storage emulators have had since Azurite; no secret.
    fn default() -> Self {
        let key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
        Self { name: "devstoreaccount1".to_owned(), key: key.into(), hierarchical_namespace: true }
    }
}
