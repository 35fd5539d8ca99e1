//! The estimator.

use std::sync::Arc;

use token_estimator::{TiktokenEstimator, TokenEstimator};

use crate::config::Settings;

/// The estimator of a configuration, if tokens are counted.
pub(crate) fn estimator(settings: &Settings) -> Option<Arc<dyn TokenEstimator>> {
    settings
        .count_tokens
        .then(|| Arc::new(TiktokenEstimator::new(settings.estimator.clone())) as Arc<dyn TokenEstimator>)
}
