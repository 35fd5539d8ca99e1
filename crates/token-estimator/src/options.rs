//! What the estimator is told.

use std::collections::BTreeMap;

use crate::ImageSize;

/// What a [`TiktokenEstimator`](crate::TiktokenEstimator) is told about models.
#[derive(Debug, Clone, PartialEq)]
pub struct EstimatorOptions {
    /// Which model is behind a deployment. On Azure a body names the deployment.
    pub deployments: BTreeMap<String, String>,
    /// The model to count with where neither the deployments nor the names tell one. Such counts are at best
    /// [`Rule`](crate::Provenance::Rule), because the guess may be wrong.
    pub default_model: Option<String>,
    /// Bytes of text for one token, where only an estimate is possible.
    pub bytes_per_token: f64,
    /// The size that images are taken to have whose bytes are not in the body.
    pub unknown_image: ImageSize,
}

impl Default for EstimatorOptions {
    fn default() -> Self {
        Self {
            deployments: BTreeMap::new(),
            default_model: None,
            bytes_per_token: 4.0,
            unknown_image: ImageSize { width: 1024, height: 1024 },
        }
    }
}
