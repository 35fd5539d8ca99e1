//! The checks in their order; one that fails does not stop the others.

use super::{
    lake, ledger, probe,
    report::{Outcome, Report},
    roles, service,
};
use crate::{
    app::App,
    args::DoctorArgs,
    config,
    error::CliResult,
    exit::{self, Exit},
};

pub(crate) async fn run(app: &App, args: &DoctorArgs) -> CliResult<Exit> {
    let settings = config::load(&app.global)?;
    let mut report = Report::default();
    report.add("configuration", Outcome::Ok, format!("{} is valid", settings.source.display()));
    for warning in &settings.warnings {
        report.add("configuration", Outcome::Warning, warning.clone());
    }
    ledger::check(&settings, &mut report).await;
    lake::check(&settings, &mut report).await;
    service::check(&settings, &mut report).await;
    roles::explain(&settings, &mut report);
    if args.probe && report.has_failed() {
        let fix = "correct what failed above, and run it again";
        report.add_with_fix("probes", Outcome::Warning, "left out: nothing was made, nothing is to pay", fix);
    } else if args.probe {
        report.probe = Some(probe::run(app, &settings, args).await?);
    }
    app.printer.value(&report);
    app.printer.line(report.text());
    Ok(exit_code(&report))
}

fn exit_code(report: &Report) -> Exit {
    match &report.probe {
        Some(probe) if probe.is_alarming() => exit::WITH_ERRORS,
        Some(probe) if probe.is_interrupted() => exit::INTERRUPTED,
        Some(probe) if probe.has_failed() => exit::UNREACHABLE,
        _ if report.has_failed() => exit::UNREACHABLE,
        _ => exit::OK,
    }
}
