//! The pipeline over its backends.

use std::sync::Arc;

use aoai_emulator::Emulator;
use batch_orchestrator::{
    Backends, Pipeline,
    ledger::{Ledger, WorkerId},
};

use super::{estimator, lake, others, pipeline_options, prepare, service};
use crate::{config::Settings, error::CliResult};

/// A pipeline, and the emulator that must live as long as it.
pub(crate) struct WiredPipeline {
    pub(crate) pipeline: Pipeline,
    pub(crate) emulator: Option<Emulator>,
}

/// The pipeline of a configuration, over a ledger that is opened.
pub(crate) async fn pipeline(settings: &Settings, ledger: Arc<dyn Ledger>) -> CliResult<WiredPipeline> {
    let lake = lake(settings)?;
    prepare(settings, &lake).await?;
    let options = pipeline_options(settings, &lake)?;
    let service = service(settings).await?;
    let estimator = estimator(settings);
    // Unique among all machines and containers, where the number of the process is often 1.
    let worker = WorkerId(format!("{}-{}", std::process::id(), uuid::Uuid::new_v4()));
    let others = others(settings, &service, &options.service.transfer)?;
    let backends = Backends { lake: lake.lake, estimator, ledger };
    let pipeline = Pipeline::pooled(&backends, service.api, others, worker, options);
    Ok(WiredPipeline { pipeline, emulator: service.emulator })
}
