//! `status`: what the ledger knows.

use aoai_batch_client::{Batch, BatchId};
use batch_orchestrator::{
    cost::Usd,
    ledger::{JobQuery, JobView},
    model::{JobRecord, JobState, PartRecord, PartState, Problem, Timestamp},
    quota::QuotaView,
};
use comfy_table::{Table, presets::UTF8_HORIZONTAL_ONLY};
use serde_json::json;

use crate::{
    app::App,
    args::StatusArgs,
    config,
    error::{CliError, CliResult},
    exit::{self, Exit},
    progress::{describe, describe_part, title},
    wiring,
};

/// Finished jobs beyond this are not listed.
const NEWEST: u32 = 50;

pub(crate) async fn run(app: &App, args: &StatusArgs) -> CliResult<Exit> {
    let settings = config::load(&app.global)?;
    if settings.ledger.is_absent() {
        app.printer.value(&json!({ "jobs": [] }));
        app.printer.line(format!("nothing has run yet: there is no ledger at {}", settings.ledger));
        return Ok(exit::OK);
    }
    let ledger = wiring::ledger(&settings.ledger, wiring::Access::Look).await?;
    loop {
        let query = JobQuery { key: args.job.clone(), limit: Some(NEWEST), ..JobQuery::default() };
        let views = ledger.view(&query).await?;
        if let (Some(key), true) = (&args.job, views.is_empty()) {
            return Err(CliError::usage(format!("there is no job {key}"))
                .hint("`aoai-batch status` lists the keys; their first digits will do"));
        }
        let books = ledger.quotas().await?;
        app.printer.value(&json!({
            "jobs": views.iter().map(job).collect::<Vec<_>>(),
            "deployments": books.iter().map(deployment).collect::<Vec<_>>(),
        }));
        app.printer.line(if args.job.is_some() { details(&views) } else { overview(&views) });
        if args.job.is_none() && !books.is_empty() {
            app.printer.line(quotas(&books, ledger.now().await?));
        }
        if !args.watch {
            return Ok(exit::OK);
        }
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(exit::OK),
            () = tokio::time::sleep(std::time::Duration::from_secs(2)) => {}
        }
    }
}

fn overview(views: &[JobView]) -> String {
    if views.is_empty() {
        return "no jobs yet".into();
    }
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_header(["job", "file", "state", "progress", "what"]);
    for view in views {
        let mut what = match problem(view) {
            Some(problem) => format!("{}: {}", describe(&view.job), problem.message),
            None => describe(&view.job),
        };
        if view.job.cancel.is_some() && !view.job.state.is_at_rest() {
            what += "; its end was asked for";
        }
        table.add_row([
            view.job.key.0[..8].to_owned(),
            title(&view.job),
            view.job.state.name().to_owned(),
            progress(view),
            what,
        ]);
    }
    table.to_string()
}

/// The books of the deployments: what is enqueued, who waits, and how often the service refused.
fn quotas(books: &[QuotaView], now: Timestamp) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_header([
        "deployment",
        "enqueued tokens",
        "limit in use",
        "coming",
        "parts that wait",
        "batches",
        "refused",
    ]);
    for view in books {
        let configured = view.record.configured.and_then(|(limit, _)| limit);
        let limit = view.record.effective_limit(configured, now);
        table.add_row([
            view.deployment.to_string(),
            view.reserved.to_string(),
            limit.map_or("none known".to_owned(), |limit| limit.to_string()),
            view.coming.to_string(),
            view.waiting.to_string(),
            view.record.created.to_string(),
            view.record.refused.to_string(),
        ]);
    }
    table.to_string()
}

fn deployment(view: &QuotaView) -> serde_json::Value {
    json!({
        "deployment": view.deployment,
        "enqueued_tokens": view.reserved,
        "coming_tokens": view.coming,
        "waiting_parts": view.waiting,
        "books": view.record,
    })
}

fn details(views: &[JobView]) -> String {
    let mut text = Vec::new();
    for JobView { job, parts } in views {
        text.push(format!("job      {}", job.key));
        text.push(format!(
            "file     {} ({} bytes, version {})",
            job.input.location, job.input.size, job.input.etag.0
        ));
        text.push(format!("state    {}: {}", job.state.name(), describe(job)));
        text.push(format!("since    {}", job.updated_at.rfc3339()));
        text.extend(job.problem.as_ref().map(said));
        for part in parts {
            let batch = batch_of(part).map(|batch| {
                let counts = batch.request_counts;
                format!(
                    " ({}, {} of {} lines, {} failed)",
                    batch.status, counts.completed, counts.total, counts.failed
                )
            });
            let lines = match part.key.attempt {
                1 => format!("lines {}-{}", part.plan.first_line, part.plan.first_line + part.plan.lines - 1),
                attempt => format!("attempt {attempt}, {} lines", part.plan.lines),
            };
            text.push(format!(
                "part {}   {lines}: {}{}",
                part.key.part,
                describe_part(&part.state),
                batch.unwrap_or_default()
            ));
            if let Some(deployment) = &part.deployment {
                let cost = part.spending.map(|spending| {
                    let kind = if part.state.is_at_rest() { "paid" } else { "at the most" };
                    format!(", {} {kind}", Usd::from_nanodollars(spending.cost))
                });
                text.push(format!(
                    "         at {deployment}, {} tokens of its quota{}",
                    part.plan.quota_tokens(),
                    cost.unwrap_or_default()
                ));
            }
            if let (PartState::Quarantined { .. }, Some(batch)) = (&part.state, batch_id_of(part)) {
                text.push(format!("         its batch: {}", batch.0));
            }
            text.extend(part.cancel.map(|at| format!("         its end was asked for at {}", at.rfc3339())));
            text.extend(part.problem.as_ref().map(said));
        }
        text.extend(decisions(job, parts));
    }
    text.join("\n")
}

/// What a person can decide over a quarantined job. Nothing of it is deleted or sent meanwhile.
fn decisions(job: &JobRecord, parts: &[PartRecord]) -> Vec<String> {
    if !matches!(job.state, JobState::Quarantined { .. }) {
        return Vec::new();
    }
    let retry = format!("aoai-batch retry {}", &job.key.0[..8]);
    let mut text = vec![
        "nothing of this job is deleted or sent until you decide:".to_owned(),
        format!("  {retry}                            what was wrong is mended: go on where it stopped"),
    ];
    let quarantined = |part: &&PartRecord| matches!(part.state, PartState::Quarantined { .. });
    if parts.iter().any(|part| quarantined(&part)) {
        text.push(format!("  {retry} --resolve adopt=BATCH    this batch has its results: collect them"));
        text.push(format!(
            "  {retry} --resolve resubmit       its batch is lost: send it again (and perhaps pay again)"
        ));
        text.push(format!(
            "  {retry} --resolve fail           keep what it has answered, report its other lines as errors"
        ));
    }
    text
}

fn said(problem: &Problem) -> String {
    let hint = problem.hint.as_ref().map(|hint| format!("\n  hint: {hint}")).unwrap_or_default();
    format!("problem  since {}: {}{hint}", problem.since.rfc3339(), problem.message)
}

fn problem(view: &JobView) -> Option<&Problem> {
    view.job.problem.as_ref().or_else(|| view.parts.iter().find_map(|part| part.problem.as_ref()))
}

/// The batch as it was last seen, or as it ended.
fn batch_of(part: &PartRecord) -> Option<&Batch> {
    fn of(state: &PartState) -> Option<&Batch> {
        match state {
            PartState::Ended { batch, .. } => batch.as_deref(),
            PartState::Resolved(result) => result.batch.as_ref(),
            PartState::Quarantined { was, .. } => of(was),
            _ => None,
        }
    }
    of(&part.state).or(part.remote.as_ref())
}

/// The batch of a part, running or not.
fn batch_id_of(part: &PartRecord) -> Option<&BatchId> {
    let state = match &part.state {
        PartState::Quarantined { was, .. } => was,
        state => state,
    };
    state.batch_id().or_else(|| batch_of(part).map(|batch| &batch.id))
}

/// Lines done, as the batches tell.
fn progress(view: &JobView) -> String {
    match &view.job.state {
        JobState::Done { totals, .. } | JobState::Published { totals, .. } => {
            format!("{}/{}", totals.output + totals.error, totals.lines)
        }
        JobState::Running { plan, .. } => {
            // What has failed in an attempt that another one follows is not done yet.
            let followed =
                |part: &PartRecord| matches!(&part.state, PartState::Resolved(result) if !result.is_last());
            let counts = view.parts.iter().filter_map(|part| {
                let counts = batch_of(part)?.request_counts;
                Some(counts.completed + if followed(part) { 0 } else { counts.failed })
            });
            format!("{}/{}", counts.sum::<u64>(), plan.lines)
        }
        _ => String::new(),
    }
}

fn job(view: &JobView) -> serde_json::Value {
    let JobView { job, parts } = view;
    json!({
        "job": job.key,
        "path": job.input.location.to_string(),
        "etag": job.input.etag,
        "state": job.state,
        "problem": job.problem,
        "created_at": job.created_at.rfc3339(),
        "updated_at": job.updated_at.rfc3339(),
        "parts": parts.iter().map(|part| json!({
            "part": part.key.part,
            "attempt": part.key.attempt,
            "first_line": part.plan.first_line,
            "lines": part.plan.lines,
            "tokens": part.plan.tokens,
            "state": part.state.name(),
            "deployment": part.deployment,
            "quota_tokens": part.plan.quota_tokens(),
            "waits_since": part.state.waits_since().map(|since| since.rfc3339()),
            "cost_usd": part.spending.map(|spending| Usd::from_nanodollars(spending.cost)),
            "batch": batch_of(part),
            "batch_id": batch_id_of(part),
            "cancel_requested_at": part.cancel.map(|at| at.rfc3339()),
            "cancelling": part.state.cancelling(),
            "problem": part.problem,
        })).collect::<Vec<_>>(),
    })
}
