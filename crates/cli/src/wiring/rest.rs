//! Estimator and ledger.

use std::{path::PathBuf, sync::Arc};

use batch_ledger::{SqliteLedger, SqliteOptions};
use token_estimator::{TiktokenEstimator, TokenEstimator};

use crate::{config::Settings, error::CliResult};

/// The estimator of a configuration, if tokens are counted.
pub(crate) fn estimator(settings: &Settings) -> Option<Arc<dyn TokenEstimator>> {
    settings
        .count_tokens
        .then(|| Arc::new(TiktokenEstimator::new(settings.estimator.clone())) as Arc<dyn TokenEstimator>)
}

/// The ledger of a configuration.
pub(crate) async fn ledger(path: PathBuf, read_only: bool) -> CliResult<Arc<SqliteLedger>> {
    Ok(Arc::new(SqliteLedger::open(&SqliteOptions { path, read_only }).await?))
}
