//! `cancel`: the end of jobs, with what they have.

use std::time::Duration;

use batch_orchestrator::{
    ledger::{JobQuery, JobView, Ledger},
    manage,
    model::{JobKey, JobState},
};
use serde_json::json;

use super::{jobs::the_one, run::drive};
use crate::{
    app::App,
    args::CancelArgs,
    config::{self, Settings},
    error::{CliError, CliResult},
    exit::{self, Exit},
    progress::{describe, title},
    wiring::{self, Access},
};

/// How often another worker's progress is looked at.
const LOOK: Duration = Duration::from_millis(500);

pub(crate) async fn run(app: &App, args: &CancelArgs) -> CliResult<Exit> {
    let settings = config::load(&app.global)?;
    if settings.ledger.is_absent() {
        return Err(CliError::usage(format!("there is no ledger at {}", settings.ledger)));
    }
    let jobs = mark(&settings, args).await?;
    if jobs.is_empty() {
        app.printer.value(&json!({ "cancelled": [] }));
        let ledger = wiring::ledger(&settings.ledger, Access::Look).await?;
        let resting = ledger.view(&JobQuery { quarantined: true, ..JobQuery::default() }).await?.len();
        app.printer.line(match resting {
            0 => "nothing is under way".to_owned(),
            1 => "nothing is under way; 1 job waits for a person: `aoai-batch status` names it".to_owned(),
            many => {
                format!("nothing is under way; {many} jobs wait for a person: `aoai-batch status` names them")
            }
        });
        return Ok(exit::OK);
    }
    if args.no_wait {
        app.printer.value(&json!({ "cancelling": jobs }));
        app.printer.line(format!(
            "{} marked; a worker that runs ends them, or the next `aoai-batch run` does",
            if jobs.len() == 1 { "1 job".to_owned() } else { format!("{} jobs", jobs.len()) }
        ));
        return Ok(exit::OK);
    }
    // Where nobody works, we do.
    let interrupted = match wiring::ledger_unless_in_use(&settings.ledger).await? {
        Some(work) => {
            let marked = match jobs.len() {
                1 => "the job is marked".to_owned(),
                many => format!("the {many} jobs are marked"),
            };
            drive(app, &settings, work, Some(jobs.as_slice()))
                .await
                .map_err(|error| error.hint(format!("{marked}, and the next run ends what is left")))?
                .interrupted
        }
        None => {
            app.printer.note("another process works with this ledger: waiting until it has ended them");
            wait(wiring::ledger(&settings.ledger, Access::Look).await?.as_ref(), jobs.clone()).await?
        }
    };
    let ledger = wiring::ledger(&settings.ledger, Access::Look).await?;
    let mut ended = Vec::new();
    for job in &jobs {
        ended.extend(ledger.view(&JobQuery { key: Some(job.0.clone()), ..JobQuery::default() }).await?);
    }
    app.printer.value(&json!({ "cancelled": ended.iter().map(told).collect::<Vec<_>>() }));
    for view in &ended {
        app.printer.line(format!("{}: {}", title(&view.job), describe(&view.job)));
        if let Some(bundle) = manage::bundle_of(view).filter(|_| !view.job.state.is_at_rest()) {
            app.printer.line(format!(
                "  its lines are in bundle {bundle} together with those of other files, and stay there; `aoai-batch cancel \
                 {bundle}` ends it for all of them"
            ));
        }
    }
    Ok(exit_of(&ended, interrupted))
}

/// Marks the jobs that are meant; answers with those.
async fn mark(settings: &Settings, args: &CancelArgs) -> CliResult<Vec<JobKey>> {
    let ledger = wiring::ledger(&settings.ledger, Access::Decide).await?;
    let Some(key) = &args.job else {
        let jobs = manage::unfinished(ledger.as_ref()).await?;
        return Ok(manage::cancel(ledger.as_ref(), &jobs).await?);
    };
    let query = JobQuery { key: Some(key.clone()), ..JobQuery::default() };
    let view = the_one(key, ledger.view(&query).await?)?;
    let marked = manage::cancel(ledger.as_ref(), std::slice::from_ref(&view.job.key)).await?;
    if marked.is_empty() {
        let hint = match view.job.state {
            JobState::Quarantined { .. } => {
                "it needs a person: `aoai-batch status JOB` says what can be decided"
            }
            _ => "there is nothing to end; `aoai-batch status` shows what is under way",
        };
        return Err(CliError::usage(format!("job {} is {}", view.job.key, view.job.state.name())).hint(hint));
    }
    Ok(marked)
}

/// Looks on until they are at rest; whether Ctrl+C came before.
async fn wait(ledger: &dyn Ledger, mut jobs: Vec<JobKey>) -> CliResult<bool> {
    while !manage::are_at_rest(ledger, &mut jobs).await? {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(true),
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    Ok(false)
}

fn told(view: &JobView) -> serde_json::Value {
    let totals = match &view.job.state {
        JobState::Done { totals, .. } => Some(totals),
        _ => None,
    };
    json!({
        "job": view.job.key, "path": view.job.input.location.to_string(), "state": view.job.state.name(),
        "output_lines": totals.map(|totals| totals.output), "error_lines": totals.map(|totals| totals.error),
    })
}

fn exit_of(ended: &[JobView], interrupted: bool) -> Exit {
    if interrupted || ended.iter().any(|view| !view.job.state.is_at_rest()) {
        return exit::INTERRUPTED;
    }
    let whole = |view: &JobView| match &view.job.state {
        JobState::Done { totals, .. } => totals.error == 0,
        JobState::Dropped { .. } => true,
        _ => false,
    };
    if ended.iter().all(whole) { exit::OK } else { exit::WITH_ERRORS }
}
