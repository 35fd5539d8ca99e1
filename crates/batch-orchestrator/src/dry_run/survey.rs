//! The files that a run would take, and what it would make of each.

use std::{collections::HashMap, sync::Arc, time::Duration};

use adls_io::{Location, ReadOptions};

use super::{Lane, PartForecast, Wish, forecast::forecast, merged::merge};
use crate::{
    cost::Expected,
    error::{PipelineError, chain},
    ledger::JobQuery,
    model::{InputSnapshot, JobKey, JobPlan, PartPlan, PartState, Timestamp},
    quota::{Candidate, QuotaRecord, QuotaView},
    reconcile::{Member, Pool},
    snapshot::{Skipped, Watcher, scan},
    validate::{Report, Verdict, validate_stream},
};

/// What a run would do.
#[derive(Debug)]
pub struct DryRun {
    /// The files, in the order in which they would be taken.
    pub files: Vec<FileForecast>,
    /// What would be passed over.
    pub skipped: Vec<Skipped>,
    /// The deployments, and how long batches take there; measured where batches have ended before.
    pub lanes: Vec<Lane>,
    /// Parts of earlier runs that wait to be sent; they go first.
    pub waiting: usize,
}

/// A file.
#[derive(Debug)]
pub struct FileForecast {
    /// Where it is.
    pub location: Location,
    /// Bytes.
    pub size: u64,
    /// What becomes of it.
    pub verdict: FileVerdict,
}

/// What becomes of a file.
#[derive(Debug)]
pub enum FileVerdict {
    /// It is on its way already.
    Known {
        /// Its job.
        job: JobKey,
        /// Where that stands.
        state: &'static str,
    },
    /// It would be refused.
    Rejected(Report),
    /// It cannot be read.
    Unreadable(String),
    /// It would be sent.
    Planned {
        /// Its parts.
        plan: Box<JobPlan>,
        /// What each would cost, where prices are known.
        costs: Vec<Option<Expected>>,
        /// Where each would go, and when.
        parts: Vec<PartForecast>,
        /// The number of the batch that it would be sent in with other small files, from 1.
        bundle: Option<usize>,
    },
}

/// Lists, validates, and plays admission. `assumed`: how long a batch takes where none has ended yet.
pub(crate) async fn dry_run(pool: &Pool, assumed: Duration) -> Result<DryRun, PipelineError> {
    let context = pool.common();
    let options = &context.options;
    let now = context.ledger.now().await?;
    let mut watcher = Watcher::new(&options.lake.include, options.run.settle_time)?;
    let (inputs, skipped) =
        scan(context.lake.as_ref(), &options.lake, &context.layout, &mut watcher, now).await?;
    let unfinished = context.ledger.view(&JobQuery { unfinished: true, ..JobQuery::default() }).await?;
    let version = |input: &InputSnapshot| JobKey::derive(&options.lake.account, input, 0);
    let known: HashMap<_, _> = unfinished.iter().map(|view| (version(&view.job.input), &view.job)).collect();
    let lanes = lanes(pool, assumed).await?;

    let before_intent = |state: &PartState| {
        matches!(state, PartState::Ready | PartState::Uploading { .. } | PartState::Uploaded(_))
    };
    let waiting = unfinished.iter().flat_map(|view| &view.parts).filter(|part| before_intent(&part.state));
    let mut wishes: Vec<Wish> = waiting.map(|part| wish(pool, &part.plan)).collect();
    let waiting = wishes.len();

    let rules = Arc::new(context.rules());
    let mut files = Vec::with_capacity(inputs.len());
    let mut versions = Vec::with_capacity(inputs.len());
    for input in inputs {
        let verdict = match known.get(&version(&input)) {
            Some(job) => FileVerdict::Known { job: job.key.clone(), state: job.state.name() },
            None => {
                let read = ReadOptions { if_match: Some(input.etag.clone()), ..ReadOptions::default() };
                let verdict = match context.lake.read(&input.location, read).await {
                    Ok(read) => validate_stream(read.body, rules.clone(), context.estimator.clone()).await,
                    Err(error) => Err(error),
                };
                match verdict {
                    Ok(Verdict::Invalid(report)) => FileVerdict::Rejected(report),
                    Ok(Verdict::Valid(plan)) => {
                        FileVerdict::Planned { plan, costs: Vec::new(), parts: Vec::new(), bundle: None }
                    }
                    Err(error) => FileVerdict::Unreadable(chain(&error)),
                }
            }
        };
        files.push(FileForecast { location: input.location.clone(), size: input.size, verdict });
        versions.push(input);
    }
    let bundles = merge(&mut files, versions, &options.limits);
    wishes.extend(bundles.iter().map(|part| wish(pool, part)));
    for file in &files {
        if let FileVerdict::Planned { plan, bundle: None, .. } = &file.verdict {
            wishes.extend(plan.parts.iter().map(|part| wish(pool, part)));
        }
    }

    let mut found = forecast(&lanes, &wishes, options.run.max_in_flight, now).into_iter().skip(waiting);
    let merged: Vec<PartForecast> = found.by_ref().take(bundles.len()).collect();
    for file in &mut files {
        if let FileVerdict::Planned { plan, costs, parts, bundle } = &mut file.verdict {
            match bundle.and_then(|number| merged.get(number - 1)) {
                Some(shared) => parts.push(shared.clone()),
                None => parts.extend(found.by_ref().take(plan.parts.len())),
            }
            costs.extend(plan.parts.iter().zip(parts.iter()).map(|(part, forecast)| {
                let member = pool.of(forecast.deployment.as_ref()).ok()?;
                member.context.cost_of(part)
            }));
        }
    }
    Ok(DryRun { files, skipped, lanes, waiting })
}

async fn lanes(pool: &Pool, assumed: Duration) -> Result<Vec<Lane>, PipelineError> {
    let mut books = pool.common().ledger.quotas().await?;
    let lane = |member: &Member| {
        let service = &member.context.options.service;
        let known =
            books.iter().position(|view| view.deployment == member.id).map(|at| books.swap_remove(at));
        let books = known.unwrap_or_else(|| QuotaView {
            deployment: member.id.clone(),
            record: QuotaRecord::default(),
            reserved: 0,
            coming: 0,
            waiting: 0,
        });
        // What is on its way there is among the wishes.
        let books = QuotaView { coming: 0, ..books };
        let candidate = Candidate {
            deployment: member.id.clone(),
            weight: service.weight,
            limit: service.enqueued_tokens,
            cost: None,
            shunned: pool.is_shunned(member, Timestamp(0)),
        };
        let turnaround = books.record.turnaround_ms.map_or(assumed, Duration::from_millis);
        Lane { candidate, books, turnaround }
    };
    Ok(pool.members().iter().map(lane).collect())
}

fn wish(pool: &Pool, part: &PartPlan) -> Wish {
    let cost = |member: &Member| member.context.cost_of(part).map(|cost| cost.high.nanodollars());
    Wish { tokens: part.quota_tokens(), costs: pool.members().iter().map(cost).collect() }
}
