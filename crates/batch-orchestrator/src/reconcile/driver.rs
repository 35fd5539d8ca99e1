//! The pipeline, as its users see it.

use std::sync::Arc;

use adls_io::DataLake;
use aoai_batch_client::BatchApi;
use token_estimator::TokenEstimator;
use tokio::sync::watch;

use super::{Observer, Pool, RunReport, run::Run};
use crate::{
    dry_run::{DryRun, dry_run},
    error::PipelineError,
    ledger::{Ledger, WorkerId},
    manage::{Garbage, garbage, remove},
    model::JobKey,
    options::{PipelineOptions, ServiceOptions},
};

/// Asks a run to end: it finishes the steps at hand, saves, and returns.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// A stop that is requested by sending `true`.
    #[must_use]
    pub fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    pub(super) fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    pub(super) async fn requested(&mut self) {
        // Nobody can ask any more once the sender is gone.
        if self.0.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// What all deployments of a pipeline share.
#[derive(Clone)]
pub struct Backends {
    /// Where files come from and go to.
    pub lake: Arc<dyn DataLake>,
    /// Counts tokens; without it none are counted.
    pub estimator: Option<Arc<dyn TokenEstimator>>,
    /// The memory.
    pub ledger: Arc<dyn Ledger>,
}

impl std::fmt::Debug for Backends {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backends").finish_non_exhaustive()
    }
}

/// The pipeline from batch files to results.
///
/// # Flow
/// snapshot → claim → validate and plan → upload → create → poll → harvest → publish → clean up.
///
/// # Guarantees
/// See the crate's documentation. A run can end at any moment, by [`Stop`] or by `kill -9`: the next one goes on from
/// the ledger.
pub struct Pipeline {
    pool: Arc<Pool>,
    worker: WorkerId,
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pipeline").field("worker", &self.worker).finish_non_exhaustive()
    }
}

impl Pipeline {
    /// A pipeline over these backends; without an estimator no tokens are counted.
    #[must_use]
    pub fn new(
        lake: Arc<dyn DataLake>,
        service: Arc<dyn BatchApi>,
        estimator: Option<Arc<dyn TokenEstimator>>,
        ledger: Arc<dyn Ledger>,
        worker: WorkerId,
        options: PipelineOptions,
    ) -> Self {
        let backends = Backends { lake, estimator, ledger };
        Self::pooled(&backends, service, Vec::new(), worker, options)
    }

    /// A pipeline over several deployments of one model, at one endpoint or at several. The first is that of `options`; where
    /// their names differ, all of them must rewrite the lines' `model`.
    #[must_use]
    pub fn pooled(
        backends: &Backends,
        first: Arc<dyn BatchApi>,
        others: Vec<(Arc<dyn BatchApi>, ServiceOptions)>,
        worker: WorkerId,
        options: PipelineOptions,
    ) -> Self {
        Self { pool: Arc::new(Pool::new(backends, first, others, worker.clone(), options)), worker }
    }

    /// What a run would do now: lists and validates as a run does, and plays admission. Nothing is written, nothing is sent.
    /// `assumed`: how long a batch takes at a deployment where none has ended yet.
    ///
    /// # Errors
    /// If lake or ledger cannot be reached. What is wrong with a single file is in the answer.
    pub async fn dry_run(&self, assumed: std::time::Duration) -> Result<DryRun, PipelineError> {
        dry_run(&self.pool, assumed).await
    }

    /// Runs until everything is done (one pass) or until it is stopped.
    ///
    /// # Errors
    /// What keeps the pipeline as a whole from working: an unreachable lake or service at the start, a ledger that
    /// fails. Everything that concerns a single file is in the report, and in the ledger.
    pub async fn run(&self, observer: Arc<dyn Observer>, stop: Stop) -> Result<RunReport, PipelineError> {
        self.work(observer, stop, None).await
    }

    /// Works until these jobs are at rest. Takes no new inputs, and begins nothing of others; what others have at the service
    /// goes on meanwhile.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn finish(
        &self,
        jobs: &[JobKey],
        observer: Arc<dyn Observer>,
        stop: Stop,
    ) -> Result<RunReport, PipelineError> {
        self.work(observer, stop, Some(jobs.to_vec())).await
    }

    /// What the service has of ours, and what is to be done about it. Changes nothing.
    ///
    /// # Errors
    /// If service or ledger cannot be reached.
    pub async fn garbage(&self) -> Result<Vec<Garbage>, PipelineError> {
        garbage(&self.pool).await
    }

    /// Removes what [`garbage`](Self::garbage) says is to go; answers how much that was. Can be repeated.
    ///
    /// # Errors
    /// If the service cannot be reached; then some of it is gone.
    pub async fn remove(&self, garbage: &[Garbage]) -> Result<u64, PipelineError> {
        remove(&self.pool, garbage).await
    }

    async fn work(
        &self,
        observer: Arc<dyn Observer>,
        stop: Stop,
        only: Option<Vec<JobKey>>,
    ) -> Result<RunReport, PipelineError> {
        let mut run = Run::new(&self.pool, &self.worker, observer, only)?;
        let ended = run.until_done(stop).await;
        // Whether it ended well or not: what this worker kept for itself is free for the others.
        run.leave().await;
        ended?;
        run.close().await
    }
}
