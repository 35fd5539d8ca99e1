//! The ledger, in a file or shared.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
pub(crate) use batch_ledger::Access;
use batch_ledger::{Password, PasswordSource, PgLedger, PgOptions, SqliteLedger, SqliteOptions};
use batch_orchestrator::ledger::{Ledger, LedgerErrorKind};

use super::{identity::credential, secret::secret_from};
use crate::{
    config::{LedgerAuth, LedgerKind, SharedLedger},
    error::CliResult,
};

/// A token is renewed in time; it lives for an hour or more.
const TOKEN_LIFE: Duration = Duration::from_mins(40);

/// The ledger of a configuration.
pub(crate) async fn ledger(kind: &LedgerKind, access: Access) -> CliResult<Arc<dyn Ledger>> {
    Ok(match kind {
        LedgerKind::Sqlite(path) => {
            Arc::new(SqliteLedger::open(&SqliteOptions { path: path.clone(), access }).await?)
        }
        LedgerKind::Postgres(shared) => Arc::new(PgLedger::connect(&pg_options(shared, access)?).await?),
    })
}

/// The ledger of a configuration, to work with; `None` if another process does, and only one can.
pub(crate) async fn ledger_unless_in_use(kind: &LedgerKind) -> CliResult<Option<Arc<dyn Ledger>>> {
    if let LedgerKind::Sqlite(path) = kind {
        let options = SqliteOptions { path: path.clone(), access: Access::Work };
        return match SqliteLedger::open(&options).await {
            Ok(ledger) => Ok(Some(Arc::new(ledger))),
            Err(error) if error.kind == LedgerErrorKind::InUse => Ok(None),
            Err(error) => Err(error.into()),
        };
    }
    ledger(kind, Access::Work).await.map(Some)
}

fn pg_options(shared: &SharedLedger, access: Access) -> CliResult<PgOptions> {
    let password: Option<Arc<dyn PasswordSource>> = match &shared.auth {
        LedgerAuth::InUrl => None,
        LedgerAuth::Password(from) => Some(Arc::new(Fixed(secret_from(from)?.into()))),
        LedgerAuth::Identity(identity) => {
            Some(Arc::new(Token { credential: credential(identity)?, scope: identity.scope.clone() }))
        }
    };
    Ok(PgOptions {
        password,
        access,
        transaction_pooler: shared.pgbouncer,
        ..PgOptions::new(shared.url.0.clone())
    })
}

/// A password from a variable.
struct Fixed(secrecy::SecretString);

#[async_trait]
impl PasswordSource for Fixed {
    async fn password(&self) -> Result<Password, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Password { secret: self.0.clone(), valid_for: None })
    }
}

/// An Entra token as the password.
struct Token {
    credential: Arc<dyn TokenCredential>,
    scope: String,
}

#[async_trait]
impl PasswordSource for Token {
    async fn password(&self) -> Result<Password, Box<dyn std::error::Error + Send + Sync>> {
        let token = self.credential.get_token(&[&self.scope], None).await?;
        Ok(Password { secret: token.token.secret().to_owned().into(), valid_for: Some(TOKEN_LIFE) })
    }
}
