//! What the tests of the Azure backends share.

use adls_io::AzureCredential;
use azure_core::credentials::Secret;

/// The emulator's DFS endpoint on this machine (with the account in its path), the account and its key.
///
/// To be completed by whoever joins this with the emulator's DFS endpoint; the tests that need it are ignored until
/// then. What it starts must live as long as the test.
pub(crate) async fn emulator() -> (String, String, String) {
    panic!("the emulator's DFS endpoint is not joined in yet")
}

/// The credential of the emulator's account.
pub(crate) fn key(account: String, key: String) -> AzureCredential {
    AzureCredential::AccountKey { account, key: Secret::new(key) }
}
