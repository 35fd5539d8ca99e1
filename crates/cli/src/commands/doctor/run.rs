//! The checks in their order; one that fails does not stop the others.

use super::{
    lake, ledger,
    report::{Outcome, Report},
    roles, service,
};
use crate::{
    app::App,
    config,
    error::CliResult,
    exit::{self, Exit},
};

pub(crate) async fn run(app: &App) -> CliResult<Exit> {
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
    app.printer.value(&report);
    app.printer.line(report.text());
    Ok(if report.has_failed() { exit::UNREACHABLE } else { exit::OK })
}
