//! `validate`: all errors of batch files, with their lines.

mod sarif;

use std::sync::Arc;

use batch_orchestrator::validate::Verdict;

use sarif::Sarif;

use super::inputs;
use crate::{
    app::App,
    args::ValidateArgs,
    error::CliResult,
    exit::{self, Exit},
};

pub(crate) async fn run(app: &App, args: &ValidateArgs) -> CliResult<Exit> {
    let settings = inputs::settings(app)?;
    let rules = Arc::new(inputs::rules(settings.as_ref()));
    let (mut bad, mut unreadable) = (0_u64, None);
    let mut sarif = Sarif::default();
    for input in inputs::files(&args.inputs.paths, settings.as_ref()).await? {
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
                sarif.add(&name, &report);
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
    if let Some(path) = &args.sarif {
        sarif.write(path)?;
    }
    Ok(match unreadable {
        Some(exit) => exit,
        None if bad > 0 => exit::WITH_ERRORS,
        None => exit::OK,
    })
}
