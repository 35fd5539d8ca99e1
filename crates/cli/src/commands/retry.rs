//! `retry`: what a person decides over a quarantined job.

use batch_orchestrator::{
    ResolveError,
    ledger::{JobQuery, JobView},
    machine::{Resolution, Unresolvable},
    resolve,
};
use serde_json::json;

use super::jobs::the_one;
use crate::{
    app::App,
    args::RetryArgs,
    config,
    error::{CliError, CliResult},
    exit::{self, Exit},
    wiring::{self, Access},
};

pub(crate) async fn run(app: &App, args: &RetryArgs) -> CliResult<Exit> {
    let settings = config::load(&app.global)?;
    if settings.ledger.is_absent() {
        return Err(CliError::usage(format!("there is no ledger at {}", settings.ledger)));
    }
    let ledger = wiring::ledger(&settings.ledger, Access::Decide).await?;
    let query = JobQuery { key: Some(args.job.clone()), ..JobQuery::default() };
    let view = the_one(&args.job, ledger.view(&query).await?)?;
    let parts = resolve(ledger.as_ref(), &view, args.part, &args.resolve)
        .await
        .map_err(|error| refused(&view, &args.resolve, error))?;
    app.printer.value(&json!({ "job": view.job.key, "decision": name(&args.resolve), "parts": parts }));
    app.printer.line(format!(
        "{}: {}; a worker that runs goes on with it, or the next `aoai-batch run` does",
        view.job.input.location.path,
        match parts {
            0 => "the job goes on where it stopped".to_owned(),
            1 => format!("{} for one part", name(&args.resolve)),
            _ => format!("{} for {parts} parts", name(&args.resolve)),
        }
    ));
    Ok(exit::OK)
}

fn name(resolution: &Resolution) -> &'static str {
    match resolution {
        Resolution::Again => "again",
        Resolution::Adopt(_) => "adopt",
        Resolution::Resubmit => "resubmit",
        Resolution::Fail => "fail",
    }
}

fn refused(view: &JobView, resolution: &Resolution, error: ResolveError) -> CliError {
    match error {
        ResolveError::Ledger(error) => error.into(),
        error => {
            let text =
                CliError::usage(format!("{} of job {} is not possible", name(resolution), view.job.key))
                    .caused_by(&error);
            match error {
                ResolveError::Ambiguous(_) => text.hint("name the part with --part"),
                ResolveError::Unresolvable(Unresolvable::NotQuarantined) => {
                    text.hint("`aoai-batch status` shows which jobs need a person, and why")
                }
                _ => text,
            }
        }
    }
}
