//! `validate`: all errors of batch files, with their lines.

use std::sync::Arc;

use batch_orchestrator::validate::Verdict;

use super::inputs;
use crate::{
    app::App,
    args::PathsArgs,
    error::CliResult,
    exit::{self, Exit},
};

pub(crate) async fn run(app: &App, args: &PathsArgs) -> CliResult<Exit> {
    let settings = inputs::settings(app)?;
    let rules = Arc::new(inputs::rules(settings.as_ref()));
    let (mut bad, mut unreadable) = (0_u64, None);
    for input in inputs::files(&args.paths, settings.as_ref()).await? {
        let verdict = match inputs::validate(&input, &rules, None).await {
            Ok(verdict) => verdict,
            // The other files are still worth a look.
            Err(error) => {
                app.printer.error(&error);
                unreadable = Some(error.exit);
                continue;
            }
        };
        let name = input.name();
        match verdict {
            Verdict::Valid(plan) => {
                app.printer.value(&serde_json::json!({
                    "file": name, "valid": true, "lines": plan.lines, "model": plan.model, "parts": plan.parts.len(),
                }));
                app.printer.line(format!("{name}: ok, {} lines for {}", plan.lines, plan.model));
            }
            Verdict::Invalid(report) => {
                bad += 1;
                app.printer.value(&serde_json::json!({
                    "file": name, "valid": false, "lines": report.lines, "counts": report.counts,
                    "findings": report.findings,
                }));
                for finding in &report.findings {
                    let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
                    app.printer.line(format!("{name}{line}: {}: {}", finding.code.as_str(), finding.message));
                    app.printer.line(format!("  hint: {}", finding.hint));
                }
                let shown = report.findings.len() as u64;
                let more = if report.total() > shown {
                    format!(", {} of them not shown", report.total() - shown)
                } else {
                    String::new()
                };
                app.printer.line(format!(
                    "{name}: {} errors in {} lines{more}",
                    report.total(),
                    report.lines
                ));
            }
        }
    }
    Ok(match unreadable {
        Some(exit) => exit,
        None if bad > 0 => exit::WITH_ERRORS,
        None => exit::OK,
    })
}
