//! Our credentials as the legacy crate wants them.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use azure_core_legacy::{
    auth::{AccessToken, Secret, TokenCredential as LegacyTokenCredential},
    error::{Error, ErrorKind},
};
use azure_storage::StorageCredentials;

use crate::AzureCredential;

/// A credential of `azure_core` 1.x under the legacy trait, so that the maintained `azure_identity` is used: its
/// legacy line reads a workload's token file once and knows no user-assigned managed identity.
#[derive(Debug)]
struct Bridge {
    credential: Arc<dyn TokenCredential>,
    scope: String,
}

#[async_trait]
impl LegacyTokenCredential for Bridge {
    /// The scopes given are the crate's own idea of them; ours is the one that was configured.
    async fn get_token(&self, _scopes: &[&str]) -> azure_core_legacy::Result<AccessToken> {
        let token = self.credential.get_token(&[&self.scope], None).await;
        let token = token.map_err(|error| Error::new(ErrorKind::Credential, error))?;
        Ok(AccessToken::new(token.token.secret().to_owned(), token.expires_on))
    }

    async fn clear_cache(&self) -> azure_core_legacy::Result<()> {
        Ok(())
    }
}

/// A credential that was checked, for the legacy crate.
pub(super) fn legacy(credential: AzureCredential) -> Result<StorageCredentials, String> {
    match credential {
        AzureCredential::Token { credential, scope } => {
            Ok(StorageCredentials::token_credential(Arc::new(Bridge { credential, scope })))
        }
        AzureCredential::AccountKey { account, key } => {
            Ok(StorageCredentials::access_key(account, Secret::new(key.secret().to_owned())))
        }
        // The crate's own message would show it.
        AzureCredential::Sas(sas) => StorageCredentials::sas_token(sas.secret().trim())
            .map_err(|_| "the SAS cannot be read as a query string".to_owned()),
    }
}
