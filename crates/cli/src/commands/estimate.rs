//! `estimate`: tokens by file.

use std::sync::Arc;

use batch_orchestrator::{model::TokenTotals, validate::Verdict};
use comfy_table::{CellAlignment, Table, presets::UTF8_HORIZONTAL_ONLY};
use token_estimator::{EstimatorOptions, Provenance, TiktokenEstimator, TokenEstimator};

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
    let options =
        settings.as_ref().map_or_else(EstimatorOptions::default, |settings| settings.estimator.clone());
    let estimator: Arc<dyn TokenEstimator> = Arc::new(TiktokenEstimator::new(options));
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_header([
        "file",
        "model",
        "lines",
        "prompt tokens",
        "quota tokens",
        "count",
    ]);
    for column in 2..5 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let (mut total, mut lines, mut exit) = (TokenTotals::ZERO, 0, exit::OK);
    for input in inputs::files(&args.paths, settings.as_ref()).await? {
        let name = input.name();
        match inputs::validate(&input, &rules, Some(estimator.clone())).await? {
            Verdict::Valid(plan) => {
                let tokens = plan.tokens;
                total.add(tokens);
                lines += plan.lines;
                app.printer.value(&serde_json::json!({
                    "file": name, "model": plan.model, "lines": plan.lines, "prompt_tokens": tokens.prompt,
                    "quota_tokens": tokens.quota, "provenance": tokens.provenance,
                }));
                table.add_row([
                    name,
                    plan.model.clone(),
                    plan.lines.to_string(),
                    tokens.prompt.to_string(),
                    tokens.quota.to_string(),
                    how(tokens.provenance).into(),
                ]);
            }
            Verdict::Invalid(report) => {
                exit = exit::WITH_ERRORS;
                app.printer
                    .value(&serde_json::json!({ "file": name, "valid": false, "counts": report.counts }));
                app.printer.note(format!(
                    "{}: not valid, so not counted ({} errors): `aoai-batch validate` lists them",
                    name,
                    report.total()
                ));
            }
        }
    }
    let sum =
        ["total".into(), String::new(), lines.to_string(), total.prompt.to_string(), total.quota.to_string()];
    table.add_row(sum);
    app.printer.line(table.to_string());
    if total.provenance == Some(Provenance::Estimate) {
        app.printer.note(
            "estimate: the model behind a deployment is not known; name it in the configuration, as in\n  \
             [tokens.deployments]\n  my-deployment = \"gpt-4o-mini\"",
        );
    }
    Ok(exit)
}

/// How a count came about, for people.
fn how(provenance: Option<Provenance>) -> &'static str {
    match provenance {
        Some(Provenance::Exact) => "exact",
        Some(Provenance::Rule) => "by rule",
        Some(Provenance::Estimate) => "estimate",
        None => "",
    }
}
