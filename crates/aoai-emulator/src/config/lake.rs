//! Configuration of the storage half.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Secret;

/// The storage accounts that are served below `/{account}/`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LakeConfig {
    /// The accounts; none = no storage.
    pub accounts: Vec<LakeAccount>,
    /// Filesystems that every account has from the start.
    pub create_filesystems: Vec<String>,
    /// Whether requests must be signed.
    pub require_auth: bool,
    /// Requests are carried out whether or not their conditions hold.
    pub ignore_conditions: bool,
    /// A rename gives the file a new tag.
    pub rename_changes_etag: bool,
}

impl Default for LakeConfig {
    fn default() -> Self {
        Self {
            accounts: vec![LakeAccount::default()],
            create_filesystems: Vec::new(),
            require_auth: true,
            ignore_conditions: false,
            rename_changes_etag: false,
        }
    }
}

/// One storage account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LakeAccount {
    /// Its name: the first segment of its URLs.
    pub name: String,
    /// Its key, in base64.
    pub key: Secret,
    /// Whether it has directories. Without them the DFS half refuses to work on paths.
    pub hierarchical_namespace: bool,
}

impl Default for LakeAccount {
    /// The account and the published key of Azurite, which storage tools know by heart.
    fn default() -> Self {
        let key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
        Self { name: "devstoreaccount1".to_owned(), key: key.into(), hierarchical_namespace: true }
    }
}

impl LakeConfig {
    /// What is wrong with the names, if anything.
    pub(crate) fn problem(&self) -> Option<String> {
        let mut seen = BTreeSet::new();
        self.accounts.iter().find_map(|account| {
            let name = account.name.as_str();
            let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
            // The paths of the other half would be shadowed.
            if !plain || name == "openai" {
                return Some(format!("lake.accounts: '{name}' cannot be the name of an account"));
            }
            (!seen.insert(name)).then(|| format!("lake.accounts: '{name}' is there twice"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> LakeConfig {
        let account = |name: &&str| LakeAccount { name: (*name).to_owned(), ..LakeAccount::default() };
        LakeConfig { accounts: names.iter().map(account).collect(), ..LakeConfig::default() }
    }

    #[test]
    fn names_must_be_free_and_unique() {
        assert_eq!(named(&["one", "two"]).problem(), None);
        for bad in [&["openai"][..], &["_emulator"], &[""], &["a/b"], &["one", "one"]] {
            assert!(named(bad).problem().is_some(), "{bad:?}");
        }
    }

    #[test]
    fn keys_stay_out_of_debug_output() {
        assert!(!format!("{:?}", LakeConfig::default()).contains("Eby8"));
    }
}
