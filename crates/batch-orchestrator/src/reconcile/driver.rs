//! The loop around the step: what runs at once, what wakes it, when it ends.

use std::{sync::Arc, time::Duration};

use adls_io::DataLake;
use aoai_batch_client::{BatchApi, PageQuery};
use token_estimator::TokenEstimator;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::{
    Context, Event, Observer, RunReport,
    context::Targets,
    held::Held,
    step::work,
    stuck::{self, Remaining},
};
use crate::{
    error::{PipelineError, chain},
    ledger::{ClaimRequest, Claims, Ledger, WorkerId},
    model::{JobState, Timestamp},
    options::PipelineOptions,
    poll::poll,
    snapshot::{Layout, SkippedReason, Watcher, scan},
};

/// How long the loop sleeps at the most, so that nothing depends on a wake-up that went missing.
const LONGEST_NAP: Duration = Duration::from_secs(30);

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

    fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    async fn requested(&mut self) {
        // Nobody can ask any more once the sender is gone.
        if self.0.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
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
    context: Arc<Context>,
    worker: WorkerId,
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pipeline").field("worker", &self.worker).finish_non_exhaustive()
    }
}

enum Finished {
    Work(Result<Option<JobState>, PipelineError>),
    Poll(Result<u64, PipelineError>),
    Heartbeat(Result<(), PipelineError>),
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
        let layout = Layout::new(&options.lake);
        let targets = Targets::default();
        let context = Context { lake, service, estimator, ledger, options, layout, targets };
        Self { context: Arc::new(context), worker }
    }

    /// Runs until everything is done (one pass) or until it is stopped.
    ///
    /// # Errors
    /// What keeps the pipeline as a whole from working: an unreachable lake or service at the start, a ledger that
    /// fails. Everything that concerns a single file is in the report, and in the ledger.
    pub async fn run(&self, observer: Arc<dyn Observer>, stop: Stop) -> Result<RunReport, PipelineError> {
        let options = &self.context.options;
        let watcher = Watcher::new(&options.lake.include, options.run.settle_time)?;
        let now = Instant::now();
        let mut run = Run {
            context: &self.context,
            worker: &self.worker,
            observer,
            watcher,
            tasks: JoinSet::new(),
            working: 0,
            held: Arc::new(Held::default()),
            report: RunReport::default(),
            next_scan: Some(now),
            next_poll: now,
            next_heartbeat: now,
            rescanned: false,
        };
        run.context.ledger.retry_failed().await?;
        run.until_done(stop).await?;
        run.close().await
    }
}

struct Run<'a> {
    context: &'a Arc<Context>,
    worker: &'a WorkerId,
    observer: Arc<dyn Observer>,
    watcher: Watcher,
    tasks: JoinSet<Finished>,
    working: usize,
    held: Arc<Held>,
    report: RunReport,
    next_scan: Option<Instant>,
    next_poll: Instant,
    next_heartbeat: Instant,
    rescanned: bool,
}

impl Run<'_> {
    async fn until_done(&mut self, mut stop: Stop) -> Result<(), PipelineError> {
        self.scan().await?;
        if self.claim(0).await?.unfinished > 0 {
            self.look_at_service().await?;
        }
        loop {
            let stopping = stop.is_requested();
            if stopping && self.tasks.is_empty() {
                self.report.interrupted = true;
                return Ok(());
            }
            if !stopping && self.next_scan.is_some_and(|at| at <= Instant::now()) {
                self.try_scan().await?;
            }
            let room = self.context.options.run.concurrency.max(1).saturating_sub(self.working);
            let claims = if stopping { Claims::default() } else { self.claim(room).await? };
            let claimed = claims.leases.len();
            for lease in claims.leases {
                let (context, observer, held) =
                    (self.context.clone(), self.observer.clone(), self.held.clone());
                self.working += 1;
                self.tasks.spawn(async move {
                    Finished::Work(work(&context, observer.as_ref(), &held, lease).await)
                });
            }
            self.start_timers();
            if !stopping && self.working == 0 && self.is_over(claims.unfinished).await? {
                return Ok(());
            }
            let wake = self.wake_at(claims.next_due, claimed == room && room > 0).await?;
            tokio::select! {
                finished = self.tasks.join_next(), if !self.tasks.is_empty() => {
                    if let Some(finished) = finished { self.finish(finished)?; }
                }
                () = sleep_until(wake), if !stopping => {}
                () = stop.requested(), if !stopping => {}
            }
        }
    }

    async fn claim(&self, limit: usize) -> Result<Claims, PipelineError> {
        let run = &self.context.options.run;
        let request =
            ClaimRequest { worker: self.worker.clone(), limit, window: run.max_in_flight, ttl: run.lease };
        Ok(self.context.ledger.claim(&request).await?)
    }

    /// Starts what runs by the clock: the list poll and the heartbeat.
    fn start_timers(&mut self) {
        let (now, run) = (Instant::now(), &self.context.options.run);
        if self.next_poll <= now {
            let (context, observer) = (self.context.clone(), self.observer.clone());
            self.next_poll = now + run.poll_interval.mul_f64(0.9 + 0.2 * rand::random::<f64>());
            self.tasks.spawn(async move { Finished::Poll(poll(&context, observer.as_ref()).await) });
        }
        if self.next_heartbeat <= now {
            let (context, held, ttl) = (self.context.clone(), self.held.clone(), run.lease);
            self.next_heartbeat = now + run.lease / 3;
            self.tasks.spawn(async move {
                let beat = context.ledger.heartbeat(&held.all(), ttl).await;
                Finished::Heartbeat(beat.map(drop).map_err(Into::into))
            });
        }
    }

    async fn wake_at(&self, next_due: Option<Timestamp>, more: bool) -> Result<Instant, PipelineError> {
        let now = Instant::now();
        let mut wake = (now + LONGEST_NAP).min(self.next_poll).min(self.next_heartbeat);
        wake = self.next_scan.map_or(wake, |scan| wake.min(scan));
        if let Some(due) = next_due.filter(|_| self.working < self.context.options.run.concurrency.max(1)) {
            wake = wake.min(now + due.since(self.context.ledger.now().await?));
        }
        // Ever so short a pause keeps a due record that cannot be claimed from spinning the loop.
        Ok(if more { now } else { wake.max(now + Duration::from_millis(5)) })
    }

    fn finish(&mut self, finished: Result<Finished, tokio::task::JoinError>) -> Result<(), PipelineError> {
        match finished {
            Ok(Finished::Work(result)) => {
                self.working -= 1;
                if let Some(state) = result? {
                    self.report.finished(&state);
                }
            }
            Ok(Finished::Poll(Ok(changed))) => self.observer.event(&Event::Polled { changed }),
            Ok(Finished::Poll(Err(PipelineError::Ledger(error)))) => return Err(error.into()),
            // The service is in trouble; the batches do not mind.
            Ok(Finished::Poll(Err(error))) => self.trouble("list the batches", &error),
            Ok(Finished::Heartbeat(result)) => result?,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => self.working = self.working.saturating_sub(1),
            },
        }
        Ok(())
    }

    fn trouble(&self, what: &'static str, error: &PipelineError) {
        self.observer.event(&Event::Trouble { what, message: chain(error) });
    }

    /// While watching, a listing that fails is tried again; the first one must work.
    async fn try_scan(&mut self) -> Result<(), PipelineError> {
        match self.scan().await {
            Err(error @ PipelineError::Lake(_)) => {
                self.trouble("list the input directory", &error);
                self.next_scan = Some(Instant::now() + self.context.options.run.scan_interval);
                Ok(())
            }
            other => other,
        }
    }

    async fn scan(&mut self) -> Result<(), PipelineError> {
        let (context, run) = (self.context, &self.context.options.run);
        let listed_at = context.ledger.now().await?;
        let lake = context.lake.as_ref();
        let (inputs, skipped) =
            scan(lake, &context.options.lake, &context.layout, &mut self.watcher, listed_at).await?;
        let new = context.ledger.discover(&context.options.lake.account, &inputs, listed_at).await?;
        let changing = skipped.iter().any(|skipped| skipped.reason == SkippedReason::StillChanging);
        self.next_scan = if run.watch {
            // A file that still changes may be at rest before the next regular look.
            let pause = if changing { run.scan_interval.min(run.settle_time) } else { run.scan_interval };
            Some(Instant::now() + pause)
        } else {
            // One pass looks once more after the settle time, and then leaves what still changes for the next run.
            let again = changing && !std::mem::replace(&mut self.rescanned, true);
            again.then(|| Instant::now() + run.settle_time)
        };
        if self.next_scan.is_none() {
            self.report.skipped = skipped.len() as u64;
        }
        self.observer.event(&Event::Scanned { new: new.len(), skipped: &skipped });
        Ok(())
    }

    /// One page of batches: proves that the service is there and takes us, and brings the ledger up to date.
    async fn look_at_service(&self) -> Result<(), PipelineError> {
        let query = PageQuery { limit: Some(100), after: None };
        let page = self.context.service.list_batches(&query).await?;
        self.context.ledger.observe(&page.data).await?;
        Ok(())
    }

    async fn is_over(&mut self, unfinished: u64) -> Result<bool, PipelineError> {
        if self.context.options.run.watch || self.next_scan.is_some() {
            return Ok(false);
        }
        if unfinished == 0 {
            return Ok(true);
        }
        let stuck = stuck::all_stuck(self.context).await?;
        self.report.gave_up |= stuck;
        Ok(stuck)
    }

    async fn close(mut self) -> Result<RunReport, PipelineError> {
        self.tasks.shutdown().await;
        let Remaining { waiting, in_flight } = stuck::remaining(self.context).await?;
        (self.report.waiting, self.report.in_flight) = (waiting, in_flight);
        Ok(self.report)
    }
}
