//! The dry run, and its two forms.

use std::{collections::HashSet, sync::Arc, time::Duration};

use batch_orchestrator::{
    Backends, Pipeline,
    cost::Usd,
    dry_run::{DryRun, FileForecast, FileVerdict, Lane},
    ledger::{Ledger, MemoryLedger, WorkerId},
    model::Timestamp,
};
use serde_json::{Value, json};

use super::table;
use crate::{
    app::App,
    args::PlanArgs,
    config,
    error::CliResult,
    exit::{self, Exit},
    wiring,
};

pub(crate) async fn run(app: &App, args: &PlanArgs) -> CliResult<Exit> {
    let settings = config::load(&app.global)?;
    for warning in &settings.warnings {
        app.printer.note(format!("note: {warning}"));
    }
    let lake = wiring::lake(&settings)?;
    let options = wiring::pipeline_options(&settings, &lake)?;
    let ledger: Arc<dyn Ledger> = if settings.ledger.is_absent() {
        Arc::new(MemoryLedger::new("none", Arc::new(now)))
    } else {
        wiring::ledger(&settings.ledger, wiring::Access::Look).await?
    };
    let service = wiring::service(&settings).await?;
    let others = wiring::others(&settings, &service, &options.service.transfer)?;
    let backends = Backends { lake: lake.lake, estimator: wiring::estimator(&settings), ledger };
    let pipeline = Pipeline::pooled(&backends, service.api, others, WorkerId("plan".into()), options);
    let found = pipeline.dry_run(args.turnaround).await?;
    if let Some(emulator) = service.emulator {
        emulator.shutdown().await;
    }
    app.printer.value(&document(&found));
    app.printer.line(table::show(&found, &settings.pipeline, args.turnaround));
    let refused =
        |file: &FileForecast| matches!(file.verdict, FileVerdict::Rejected(_) | FileVerdict::Unreadable(_));
    Ok(if found.files.iter().any(refused) { exit::WITH_ERRORS } else { exit::OK })
}

fn now() -> Timestamp {
    let now = time_since_epoch();
    Timestamp(i64::try_from(now.as_millis()).unwrap_or(i64::MAX))
}

#[expect(clippy::disallowed_methods, reason = "the clock of a ledger that is not there")]
fn time_since_epoch() -> Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}

/// The sums of a dry run.
pub(super) struct Sums {
    pub(super) files: usize,
    pub(super) parts: usize,
    pub(super) lines: u64,
    pub(super) tokens: u64,
    pub(super) rejected: usize,
    /// Lowest and highest cost; `None` if the price of some part is not known.
    pub(super) cost: Option<(Usd, Usd)>,
    /// When the last batch would have ended.
    pub(super) done: Duration,
    /// The longest wait for room.
    pub(super) waits: Duration,
}

pub(super) fn sums(found: &DryRun) -> Sums {
    let mut sums = Sums {
        files: 0,
        parts: 0,
        lines: 0,
        tokens: 0,
        rejected: 0,
        cost: Some((Usd::ZERO, Usd::ZERO)),
        done: Duration::ZERO,
        waits: Duration::ZERO,
    };
    // Files that are sent together make one part.
    let mut bundles = HashSet::new();
    for file in &found.files {
        match &file.verdict {
            FileVerdict::Planned { plan, costs, parts, bundle } => {
                sums.files += 1;
                sums.parts += bundle.map_or(plan.parts.len(), |number| usize::from(bundles.insert(number)));
                sums.lines += plan.lines;
                sums.tokens += plan.tokens.prompt;
                for cost in costs {
                    sums.cost = sums.cost.zip(*cost).and_then(|((low, high), cost)| {
                        Some((low.plus(cost.low).ok()?, high.plus(cost.high).ok()?))
                    });
                }
                sums.done = parts.iter().map(|part| part.done).fold(sums.done, Duration::max);
                sums.waits = parts.iter().map(|part| part.waits).fold(sums.waits, Duration::max);
            }
            FileVerdict::Rejected(_) | FileVerdict::Unreadable(_) => sums.rejected += 1,
            FileVerdict::Known { .. } => {}
        }
    }
    sums
}

fn document(found: &DryRun) -> Value {
    let sums = sums(found);
    json!({
        "files": found.files.iter().map(file).collect::<Vec<_>>(),
        "skipped": found.skipped.iter().map(|skipped| json!({
            "path": skipped.path, "hint": skipped.reason.hint(),
        })).collect::<Vec<_>>(),
        "deployments": found.lanes.iter().map(lane).collect::<Vec<_>>(),
        "waiting_parts": found.waiting,
        "total": {
            "files": sums.files,
            "rejected": sums.rejected,
            "parts": sums.parts,
            "lines": sums.lines,
            "prompt_tokens": sums.tokens,
            "cost_usd": sums.cost.map(|(low, high)| json!({ "low": low, "high": high })),
            "longest_wait_seconds": sums.waits.as_secs(),
            "done_after_seconds": sums.done.as_secs(),
        },
    })
}

fn lane(lane: &Lane) -> Value {
    let record = &lane.books.record;
    json!({
        "deployment": lane.candidate.deployment,
        "weight": lane.candidate.weight,
        "limit": record.hard_limit(lane.candidate.limit),
        "reserved_tokens": lane.books.reserved,
        "turnaround_seconds": lane.turnaround.as_secs(),
        "turnaround_is_measured": record.turnaround_ms.is_some(),
    })
}

fn file(file: &FileForecast) -> Value {
    let mut value = json!({ "path": file.location.to_string(), "bytes": file.size });
    let more = match &file.verdict {
        FileVerdict::Known { job, state } => json!({ "verdict": "known", "job": job, "state": state }),
        FileVerdict::Unreadable(why) => json!({ "verdict": "unreadable", "why": why }),
        FileVerdict::Rejected(report) => json!({
            "verdict": "rejected", "errors": report.total(), "first": report.findings.first(),
        }),
        FileVerdict::Planned { plan, costs, parts, bundle } => json!({
            "verdict": "planned",
            "bundle": bundle,
            "lines": plan.lines,
            "model": plan.model,
            "tokens": plan.tokens,
            "parts": plan.parts.iter().zip(costs).zip(parts).map(|((part, cost), forecast)| json!({
                "part": part.number,
                "first_line": part.first_line,
                "lines": part.lines,
                "bytes": part.bytes,
                "tokens": part.tokens,
                "quota_tokens": part.quota_tokens(),
                "cost_usd": cost.map(|cost| json!({ "low": cost.low, "high": cost.high })),
                "deployment": forecast.deployment,
                "waits_seconds": forecast.waits.as_secs(),
                "done_after_seconds": forecast.done.as_secs(),
            })).collect::<Vec<_>>(),
        }),
    };
    if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
        value.extend(more);
    }
    value
}
