//! `run`: the pipeline.

use std::sync::Arc;

use batch_orchestrator::{RunReport, Stop, cost::Usd, ledger::Ledger, model::JobKey};

use crate::{
    app::App,
    args::RunArgs,
    config::{self, Settings},
    error::CliResult,
    exit::{self, Exit},
    progress::Progress,
    wiring,
};

pub(crate) async fn run(app: &App, args: &RunArgs) -> CliResult<Exit> {
    let mut settings = config::load(&app.global)?;
    if args.once || args.watch {
        settings.pipeline.run.watch = args.watch;
    }
    settings.pipeline.run.adopt_ledger.clone_from(&args.adopt_ledger);
    if let Some(dollars) = args.max_cost {
        let others = settings.others.iter().map(|member| &member.options);
        config::check_prices(std::iter::once(&settings.pipeline.service).chain(others), "--max-cost")?;
        settings.pipeline.cost.max_per_run = Some(config::nanodollars("--max-cost", dollars)?);
    }
    let report = pipeline(app, settings).await?;
    app.printer.value(&report);
    app.printer.line(summary(&report));
    Ok(exit_of(&report))
}

/// Runs the pipeline of a configuration to its end, or to the first Ctrl+C.
pub(super) async fn pipeline(app: &App, settings: Settings) -> CliResult<RunReport> {
    for warning in &settings.warnings {
        app.printer.note(format!("note: {warning}"));
    }
    let ledger = wiring::ledger(&settings.ledger, wiring::Access::Work).await?;
    drive(app, &settings, ledger, None).await
}

/// Works on a ledger that is opened; `only`: until these jobs are at rest, and on nothing new.
pub(super) async fn drive(
    app: &App,
    settings: &Settings,
    ledger: Arc<dyn Ledger>,
    only: Option<&[JobKey]>,
) -> CliResult<RunReport> {
    tracing::info!(configuration = %settings.source.display(), "starting");
    let wiring::WiredPipeline { pipeline, emulator } = wiring::pipeline(settings, ledger).await?;

    let (ask, stop) = Stop::new();
    let printer = app.printer.clone();
    let signals = tokio::spawn(async move {
        interrupted().await;
        printer
            .note("stopping: finishing the step at hand (again to stop at once; nothing is lost either way)");
        // The run may have ended in this very moment.
        let _ = ask.send(true);
        interrupted().await;
        #[expect(
            clippy::exit,
            reason = "the second Ctrl+C means now; whatever is under way is resumed by the next run"
        )]
        std::process::exit(exit::INTERRUPTED.0.into());
    });
    let progress = Arc::new(Progress::new(app.printer.clone(), app.global.no_progress));
    let report = match only {
        Some(jobs) => pipeline.finish(jobs, progress.clone(), stop).await,
        None => pipeline.run(progress.clone(), stop).await,
    };
    progress.finish();
    signals.abort();
    if let Some(emulator) = emulator {
        emulator.shutdown().await;
    }
    Ok(report?)
}

/// Ctrl+C, or a polite request to end, as a container gets it.
async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // Without a handler the signal ends the process, which is as safe.
    let _ = tokio::signal::ctrl_c().await;
}

/// The exit code of a run.
pub(super) fn exit_of(report: &RunReport) -> Exit {
    if report.interrupted {
        if report.in_flight + report.waiting + report.over_budget > 0 { exit::INTERRUPTED } else { exit::OK }
    } else if report.gave_up && (report.in_flight > 0 || report.waiting > 0 && files(report) == 0) {
        // Nothing could be done at all, or something is at the service and cannot be got.
        exit::UNREACHABLE
    } else if report.has_errors() {
        exit::WITH_ERRORS
    } else {
        exit::OK
    }
}

/// The files that this run has finished with.
fn files(report: &RunReport) -> u64 {
    report.completed + report.partial + report.failed + report.rejected
}

/// The sum of a run for people.
pub(super) fn summary(report: &RunReport) -> String {
    let mut text = format!(
        "{} done: {} succeeded, {} failed",
        counted(files(report), "file"),
        counted(report.output_lines, "line"),
        report.error_lines
    );
    if report.prompt_tokens > 0 {
        text +=
            &format!("; {} prompt and {} completion tokens", report.prompt_tokens, report.completion_tokens);
    }
    if report.cost_nanodollars > 0 {
        text += &format!("; {}", Usd::from_nanodollars(report.cost_nanodollars));
    }
    for (count, noun, what) in [
        (
            report.nonconforming_lines,
            "answer",
            "not as asked for: see _violations in the error directory; `aoai-batch retry JOB --nonconforming` sends them again",
        ),
        (report.recovered, "file", "taken over from a ledger that was lost"),
        (report.rejected, "file", "refused: see the report in the error directory"),
        (report.skipped, "path", "passed over"),
        (report.dropped, "file", "changed or gone before anything was sent"),
        (report.foreign, "file", "left to another ledger that has claimed it: `aoai-batch status` names it"),
        (
            report.quarantined,
            "job",
            "in need of a person: `aoai-batch status JOB` says why and what can be done",
        ),
        (report.waiting, "file", "could not be begun: `aoai-batch status` says why; run again to resume"),
        (
            report.over_budget,
            "file",
            "waiting for money: raise --max-cost or limits.max_cost_per_day, or run again when a new day (UTC) begins",
        ),
        (report.in_flight, "file", "unfinished, with its state saved: run again to resume"),
    ] {
        if count > 0 {
            text += &format!("\n  {} {what}", counted(count, noun));
        }
    }
    text
}

fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_say_what_happened() {
        let report = RunReport::default;
        assert_eq!(exit_of(&report()), exit::OK);
        assert_eq!(exit_of(&RunReport { rejected: 1, ..report() }), exit::WITH_ERRORS);
        assert_eq!(exit_of(&RunReport { error_lines: 1, partial: 1, ..report() }), exit::WITH_ERRORS);
        assert_eq!(exit_of(&RunReport { skipped: 1, ..report() }), exit::WITH_ERRORS);
        assert_eq!(exit_of(&RunReport { gave_up: true, waiting: 1, ..report() }), exit::UNREACHABLE);
        let one_of_two = RunReport { gave_up: true, waiting: 1, completed: 1, ..report() };
        assert_eq!(exit_of(&one_of_two), exit::WITH_ERRORS);
        assert_eq!(exit_of(&RunReport { gave_up: true, in_flight: 1, ..report() }), exit::UNREACHABLE);
        assert_eq!(exit_of(&RunReport { interrupted: true, in_flight: 1, ..report() }), exit::INTERRUPTED);
        assert_eq!(exit_of(&RunReport { interrupted: true, ..report() }), exit::OK);
    }
}
