//! `retry`: what a person decides over a quarantined job; and what failed in a finished one, once more.

use batch_orchestrator::{
    ResolveError,
    ledger::{JobQuery, JobView, Ledger},
    machine::{Resolution, Unresolvable},
    manage::{PutBackError, Resend, put_back},
    model::JobState,
    resolve,
};
use serde_json::json;

use super::jobs::the_one;
use crate::{
    app::App,
    args::RetryArgs,
    config::{self, Settings},
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
    let wanted = args.all || args.nonconforming;
    if wanted || (args.resolve.is_none() && matches!(view.job.state, JobState::Done { .. })) {
        return resend(app, args, &settings, ledger.as_ref(), &view).await;
    }
    let resolution = args.resolve.clone().unwrap_or(Resolution::Again);
    let parts = resolve(ledger.as_ref(), &view, args.part, &resolution)
        .await
        .map_err(|error| refused(&view, &resolution, error))?;
    app.printer.value(&json!({ "job": view.job.key, "decision": name(&resolution), "parts": parts }));
    app.printer.line(format!(
        "{}: {}; a worker that runs goes on with it, or the next `aoai-batch run` does",
        view.job.input.location.path,
        match parts {
            0 => "the job goes on where it stopped".to_owned(),
            1 => format!("{} for one part", name(&resolution)),
            _ => format!("{} for {parts} parts", name(&resolution)),
        }
    ));
    Ok(exit::OK)
}

/// Lines of a finished job, as a new input.
async fn resend(
    app: &App,
    args: &RetryArgs,
    settings: &Settings,
    ledger: &dyn Ledger,
    view: &JobView,
) -> CliResult<Exit> {
    let kind = match (args.all, args.nonconforming) {
        (true, _) => Resend::All,
        (_, true) => Resend::Nonconforming,
        _ => Resend::Failed,
    };
    let lake = wiring::lake(settings)?.lake;
    let to = put_back(lake.as_ref(), ledger, view, kind).await.map_err(|error| cannot(view, error))?;
    app.printer.value(&json!({ "job": view.job.key, "input": to.to_string() }));
    app.printer.line(format!("{to}: a worker that watches takes it, or the next `aoai-batch run` does"));
    Ok(exit::OK)
}

fn cannot(view: &JobView, error: PutBackError) -> CliError {
    let text = |error: &PutBackError| CliError::usage(error.to_string());
    match error {
        PutBackError::Ledger(error) => error.into(),
        PutBackError::Lake(error) => CliError::lake(&error),
        PutBackError::NotDone(..) => text(&error).hint("`aoai-batch status` shows how far it is"),
        PutBackError::Nothing(_) => text(&error).hint("`retry JOB --all` sends all of its lines again"),
        PutBackError::SentBefore(ref job) => {
            let short = &job.0[..job.0.len().min(8)];
            text(&error).hint(format!("what failed in that one: `aoai-batch retry {short}`"))
        }
        PutBackError::Replaced(_) => text(&error)
            .hint(format!("the newer version of {} is a job of its own", view.job.input.location.path)),
        PutBackError::Changed(_) => text(&error).hint(
            "`aoai-batch audit JOB` says what was changed; to send what is there now, copy it into the inbox yourself",
        ),
        PutBackError::Waiting(_) | PutBackError::Path(_) => text(&error),
    }
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
