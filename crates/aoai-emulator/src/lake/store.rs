//! All accounts and what they hold.

use std::collections::BTreeMap;

use super::{Address, Filesystem, LakeError};
use crate::{clock::Stamp, config::LakeConfig};

/// The accounts.
#[derive(Debug, Default)]
pub(crate) struct LakeStore(BTreeMap<String, Account>);

/// One account.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) hierarchical: bool,
    pub(super) filesystems: BTreeMap<String, Filesystem>,
}

impl LakeStore {
    pub(crate) fn new(config: &LakeConfig, now: Stamp) -> Self {
        let filesystems =
            || config.create_filesystems.iter().map(|name| (name.clone(), Filesystem::new(now))).collect();
        let account = |hierarchical| Account { hierarchical, filesystems: filesystems() };
        let accounts = &config.accounts;
        Self(accounts.iter().map(|one| (one.name.clone(), account(one.hierarchical_namespace))).collect())
    }

    pub(crate) fn has(&self, account: &str) -> bool {
        self.0.contains_key(account)
    }

    pub(super) fn account(&mut self, name: &str) -> Result<&mut Account, LakeError> {
        // Requests get here by the name of an account, so this is for whoever steers from inside.
        self.0.get_mut(name).ok_or_else(LakeError::filesystem_not_found)
    }

    pub(super) fn filesystem(&mut self, at: &Address) -> Result<&mut Filesystem, LakeError> {
        self.account(&at.account)?
            .filesystems
            .get_mut(&at.filesystem)
            .ok_or_else(LakeError::filesystem_not_found)
    }
}

/// 3 to 63 lower-case letters, digits and single hyphens inside; or one of the reserved names.
pub(super) fn is_filesystem_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let shaped = (3..=63).contains(&name.len())
        && name.bytes().all(plain)
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--");
    shaped || ["$root", "$web", "$logs"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filesystem_names_are_checked() {
        for good in ["abc", "a-b", "0in", "$web"] {
            assert!(is_filesystem_name(good), "{good}");
        }
        for bad in ["", "ab", "Abc", "a--b", "-ab", "ab-", "a_b", &"x".repeat(64)] {
            assert!(!is_filesystem_name(bad), "{bad}");
        }
    }
}
