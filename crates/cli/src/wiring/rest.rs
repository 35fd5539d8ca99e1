//! Estimator and ledger.

use std::sync::Arc;

pub(crate) use batch_ledger::Access;
use batch_ledger::{SqliteLedger, SqliteOptions};
use batch_orchestrator::ledger::Ledger;
use token_estimator::{TiktokenEstimator, TokenEstimator};

use crate::{
    config::{LedgerKind, Settings},
    error::{CliError, CliResult},
};

/// The estimator of a configuration, if tokens are counted.
pub(crate) fn estimator(settings: &Settings) -> Option<Arc<dyn TokenEstimator>> {
    settings
        .count_tokens
        .then(|| Arc::new(TiktokenEstimator::new(settings.estimator.clone())) as Arc<dyn TokenEstimator>)
}

/// The ledger of a configuration.
pub(crate) async fn ledger(kind: &LedgerKind, access: Access) -> CliResult<Arc<dyn Ledger>> {
    match kind {
        LedgerKind::Sqlite(path) => {
            Ok(Arc::new(SqliteLedger::open(&SqliteOptions { path: path.clone(), access }).await?))
        }
        LedgerKind::Postgres(_) => Err(CliError::usage("PostgreSQL is not in this version")),
    }
}
