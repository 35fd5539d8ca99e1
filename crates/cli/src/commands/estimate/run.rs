//! The command itself.

use std::sync::Arc;

use batch_orchestrator::{
    cost::{Overflow, PriceTable, Tier},
    validate::Verdict,
};
use token_estimator::{EstimatorOptions, TiktokenEstimator};

use super::{
    super::inputs::{self, Input},
    figures::Figures,
    meter::Meter,
    report::{Counted, Report},
    sample::Draw,
};
use crate::{
    app::App,
    args::EstimateArgs,
    error::{CliError, CliResult},
    exit::{self, Exit},
};

pub(crate) async fn run(app: &App, args: &EstimateArgs) -> CliResult<Exit> {
    let settings = inputs::settings(app)?;
    let rules = Arc::new(inputs::rules(settings.as_ref()));
    let (options, prices) = match &settings {
        Some(settings) => (settings.estimator.clone(), settings.prices.clone()),
        None => (EstimatorOptions::default(), PriceTable::built_in(Tier::Global)),
    };
    let estimator = TiktokenEstimator::new(options.clone());
    let mut report = Report::new(args.sample.map(|_| args.seed));
    let mut exit = exit::OK;
    for input in inputs::files(&args.inputs.paths, settings.as_ref()).await? {
        let name = input.name();
        let meter = Arc::new(Meter::new(estimator.clone(), draw(args, &input).await?));
        match inputs::validate(&input, &rules, Some(meter.clone())).await? {
            Verdict::Valid(plan) => {
                let (tokens, margin) = meter.finish();
                let model = options.deployments.get(&plan.model).unwrap_or(&plan.model);
                let listed = prices.find(model);
                let prices = listed.map(|listed| listed.prices);
                let figures =
                    Figures::of_file(plan.lines, tokens, margin, prices.as_ref()).map_err(too_much)?;
                let counted =
                    Counted { file: name, deployment: plan.model.clone(), model: model.clone(), figures };
                app.printer.value(&report.file_value(&counted, listed.as_ref()));
                report.add(counted, listed.as_ref()).map_err(too_much)?;
            }
            Verdict::Invalid(refused) => {
                exit = exit::WITH_ERRORS;
                app.printer
                    .value(&serde_json::json!({ "file": name, "valid": false, "counts": refused.counts }));
                app.printer.note(format!(
                    "{}: not valid, so not counted ({} errors): `aoai-batch validate` lists them",
                    name,
                    refused.total()
                ));
            }
        }
    }
    app.printer.value(&report.total_value());
    app.printer.line(report.table());
    for note in report.notes() {
        app.printer.note(note);
    }
    Ok(exit)
}

/// The sample of a file; a share of its lines takes a look at how many it has.
async fn draw(args: &EstimateArgs, input: &Input) -> CliResult<Option<Draw>> {
    let Some(share) = args.sample else { return Ok(None) };
    let lines = if share.is_relative() { inputs::lines(input).await? } else { 0 };
    Ok(Some(share.draw(lines, args.seed)))
}

fn too_much(overflow: Overflow) -> CliError {
    CliError::usage("the cost cannot be told").caused_by(&overflow).hint("check the prices in [pricing]")
}
