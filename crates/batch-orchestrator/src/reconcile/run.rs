//! The loop around the step: what runs at once, what wakes it, when it ends.

use std::{sync::Arc, time::Duration};

use aoai_batch_client::PageQuery;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use super::{
    Context, Event, Observer, Pool, RunReport, Stop,
    held::Held,
    outage::Outage,
    step::work,
    stuck::{self, Remaining, Stuck},
};
use crate::{
    error::{PipelineError, chain},
    ledger::{ClaimRequest, Claims, WorkerId},
    manage::are_at_rest,
    model::{JobKey, JobState, Timestamp},
    poll::{give_turn_back, poll},
    recover::at_start,
    snapshot::{SkippedReason, Watcher, scan},
};

/// How long the loop sleeps at the most, so that nothing depends on a wake-up that went missing.
const LONGEST_NAP: Duration = Duration::from_secs(30);

/// Finished jobs are forgotten in steps of so many, and looked for so often.
const PRUNED_AT_ONCE: u32 = 200;
const PRUNE_EVERY: Duration = Duration::from_hours(24);

/// How often the ledger is asked what is left, in the end.
const LAST_TRIES: u32 = 5;

enum Finished {
    Work(Result<Option<JobState>, PipelineError>),
    Poll(Result<u64, PipelineError>),
    Heartbeat(Result<(), PipelineError>),
}

/// One run of a pipeline.
pub(super) struct Run<'a> {
    pool: &'a Arc<Pool>,
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
    outage: Outage,
    next_prune: Instant,
    /// Only until these are at rest, and nothing new.
    only: Option<Vec<JobKey>>,
}

enum Turn {
    /// There is nothing left to wait for.
    Over,
    /// Nothing to do before then, but for what a task brings.
    Until(Instant),
}

impl<'a> Run<'a> {
    pub(super) fn new(
        pool: &'a Arc<Pool>,
        worker: &'a WorkerId,
        observer: Arc<dyn Observer>,
        only: Option<Vec<JobKey>>,
    ) -> Result<Self, PipelineError> {
        let context = pool.common();
        let options = &context.options;
        let now = Instant::now();
        Ok(Self {
            pool,
            context,
            worker,
            observer,
            watcher: Watcher::new(&options.lake.include, options.run.settle_time)?,
            tasks: JoinSet::new(),
            working: 0,
            held: Arc::new(Held::default()),
            report: RunReport::default(),
            next_poll: now,
            next_heartbeat: now,
            rescanned: false,
            // A service goes on for ever; a single pass ends one day.
            outage: Outage::new(
                (!options.run.watch || only.is_some()).then_some(options.retry.give_up_after),
            ),
            next_prune: now,
            next_scan: only.is_none().then_some(now),
            only,
        })
    }

    /// Looks around, as often as the ledger's absence makes necessary.
    async fn enter(&mut self, stop: &mut Stop) -> Result<(), PipelineError> {
        while !stop.is_requested() {
            let entered = self.try_to_enter().await;
            let Err(error) = self.outage.bear(entered)? else {
                self.outage.is_over();
                break;
            };
            self.trouble("use the ledger", &error);
            let wake = Instant::now() + self.outage.pause();
            tokio::select! {
                () = sleep_until(wake) => {}
                () = stop.requested() => {}
            }
        }
        Ok(())
    }

    /// Forgets what was finished long ago, in small steps; at the start, and while watching once a day.
    async fn prune(&mut self) -> Result<(), PipelineError> {
        let Some(keep) = self.context.options.run.keep else { return Ok(()) };
        let ledger = &self.context.ledger;
        let now = ledger.now().await?;
        let mut before = Timestamp(now.0.saturating_sub(i64::try_from(keep.as_millis()).unwrap_or(i64::MAX)));
        if self.context.options.cost.max_per_run.is_some() {
            // What this run has spent is a sum over its parts.
            before = before.min(self.pool.started_at(now));
        }
        while ledger.prune(before, PRUNED_AT_ONCE).await? == u64::from(PRUNED_AT_ONCE) {}
        self.next_prune = Instant::now() + PRUNE_EVERY;
        Ok(())
    }

    async fn try_to_enter(&mut self) -> Result<(), PipelineError> {
        self.pool.started_at(self.context.ledger.now().await?);
        self.context.ledger.retry_failed().await?;
        self.prune().await?;
        // The service may be new to us, but what was sent to it must be known before anything else is.
        self.report.recovered += at_start(self.pool).await?;
        if self.only.is_none() {
            self.scan().await?;
        }
        if self.claim(0).await?.unfinished > 0 {
            self.look_at_service().await?;
        }
        Ok(())
    }

    /// Works until nothing is left, or until it is stopped.
    pub(super) async fn until_done(&mut self, mut stop: Stop) -> Result<(), PipelineError> {
        self.enter(&mut stop).await?;
        loop {
            let stopping = stop.is_requested();
            if stopping && self.tasks.is_empty() {
                self.report.interrupted = true;
                return Ok(());
            }
            let turn = if stopping { Ok(Turn::Until(Instant::now())) } else { self.turn().await };
            let wake = match self.outage.bear(turn)? {
                Ok(Turn::Over) => return Ok(()),
                Ok(Turn::Until(wake)) => wake,
                Err(error) => {
                    self.trouble("use the ledger", &error);
                    Instant::now() + self.outage.pause()
                }
            };
            // In this order, so that a run can be repeated.
            tokio::select! {
                biased;
                finished = self.tasks.join_next(), if !self.tasks.is_empty() => {
                    let finished = finished.map_or(Ok(()), |finished| self.finish(finished));
                    if let Err(error) = self.outage.bear(finished)? {
                        self.trouble("use the ledger", &error);
                    }
                }
                () = sleep_until(wake), if !stopping => {}
                () = stop.requested(), if !stopping => {}
            }
        }
    }

    /// Lists if it is time, claims what is due, and starts on it.
    async fn turn(&mut self) -> Result<Turn, PipelineError> {
        if self.next_scan.is_some_and(|at| at <= Instant::now()) {
            self.try_scan().await?;
        }
        if self.next_prune <= Instant::now() {
            self.prune().await?;
        }
        let room = self.context.options.run.concurrency.max(1).saturating_sub(self.working);
        let claims = self.claim(room).await?;
        self.outage.is_over();
        let claimed = claims.leases.len();
        for lease in claims.leases {
            let (pool, observer, held) = (self.pool.clone(), self.observer.clone(), self.held.clone());
            self.working += 1;
            self.tasks
                .spawn(async move { Finished::Work(work(&pool, observer.as_ref(), &held, lease).await) });
        }
        self.start_timers();
        if self.working == 0 && self.is_over(claims.unfinished).await? {
            return Ok(Turn::Over);
        }
        Ok(Turn::Until(self.wake_at(claims.next_due, claimed == room && room > 0).await?))
    }

    async fn claim(&self, limit: usize) -> Result<Claims, PipelineError> {
        let run = &self.context.options.run;
        let now = self.context.ledger.now().await?;
        let request = ClaimRequest {
            worker: self.worker.clone(),
            limit,
            window: if self.only.is_some() { 0 } else { run.max_in_flight },
            marked: self.only.is_some(),
            admit: self.only.is_none() && self.pool.full_until().is_none_or(|until| until <= now),
            ttl: run.lease,
        };
        Ok(self.pool.window().claim(self.context.ledger.as_ref(), request).await?)
    }

    /// Starts what runs by the clock: the list poll and the heartbeat.
    fn start_timers(&mut self) {
        let (now, run) = (Instant::now(), &self.context.options.run);
        if self.next_poll <= now {
            self.next_poll = now + run.poll_interval.mul_f64(0.9 + 0.2 * self.context.chance.next());
            for member in self.pool.endpoints() {
                let (context, observer) = (member.context.clone(), self.observer.clone());
                let worker = self.worker.clone();
                self.tasks
                    .spawn(async move { Finished::Poll(poll(&context, &worker, observer.as_ref()).await) });
            }
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
        let full_until = self.pool.full_until();
        let next_due = next_due.into_iter().chain(full_until).min();
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
            Ok(Finished::Poll(Err(error @ PipelineError::Ledger(_)))) => return Err(error),
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

    /// One page of batches: proves that the service is there and takes us, and brings the ledger up to date. Of several
    /// endpoints, one that answers is enough.
    async fn look_at_service(&self) -> Result<(), PipelineError> {
        let query = PageQuery { limit: Some(100), after: None };
        let (mut seen, mut failed) = (false, None);
        for member in self.pool.endpoints() {
            match member.context.service.list_batches(&query).await {
                Ok(page) => {
                    self.context.ledger.observe(&page.data).await?;
                    seen = true;
                }
                Err(error) => {
                    self.pool.shun(member, self.context.ledger.now().await?);
                    let error = PipelineError::from(error);
                    self.trouble("use an endpoint", &error);
                    failed = failed.or(Some(error));
                }
            }
        }
        match failed {
            Some(error) if !seen => Err(error),
            _ => Ok(()),
        }
    }

    async fn is_over(&mut self, unfinished: u64) -> Result<bool, PipelineError> {
        if let Some(only) = &mut self.only {
            if are_at_rest(self.context.ledger.as_ref(), only).await? {
                return Ok(true);
            }
        } else if self.context.options.run.watch || self.next_scan.is_some() {
            return Ok(false);
        }
        if unfinished == 0 {
            return Ok(true);
        }
        let stuck = stuck::all_stuck(self.context, self.only.as_deref()).await?;
        self.report.gave_up |= stuck == Some(Stuck::Failing);
        Ok(stuck.is_some())
    }

    /// Gives back what only a living worker may keep. What fails here runs out by itself.
    pub(super) async fn leave(&mut self) {
        self.tasks.shutdown().await;
        let ttl = self.context.options.run.lease;
        let request = ClaimRequest {
            worker: self.worker.clone(),
            limit: 0,
            window: 0,
            admit: false,
            marked: false,
            ttl,
        };
        if let Err(error) = self.context.ledger.claim(&request).await {
            tracing::debug!(%error, "the places of this worker are not given back");
        }
        for member in self.pool.endpoints() {
            give_turn_back(&member.context, self.worker).await;
        }
    }

    pub(super) async fn close(mut self) -> Result<RunReport, PipelineError> {
        let mut tries = 0;
        let Remaining { waiting, in_flight, over_budget, quarantined } = loop {
            let remaining = stuck::remaining(self.context).await;
            tries += 1;
            match self.outage.bear(remaining)? {
                Ok(remaining) => break remaining,
                Err(error) if tries >= LAST_TRIES => return Err(error),
                Err(_) => sleep(self.outage.pause()).await,
            }
        };
        (self.report.waiting, self.report.in_flight) = (waiting, in_flight);
        (self.report.over_budget, self.report.quarantined) = (over_budget, quarantined);
        Ok(self.report)
    }
}
