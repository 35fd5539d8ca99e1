//! `gc`: removes what the service and the lake have of ours that no job needs.

use batch_orchestrator::manage::{Fate, Garbage, Thing};
use comfy_table::{Table, presets::UTF8_HORIZONTAL_ONLY};
use serde_json::json;

use crate::{
    app::App,
    args::GcArgs,
    config,
    error::{CliError, CliResult},
    exit::{self, Exit},
    wiring::{self, Access},
};

pub(crate) async fn run(app: &App, args: &GcArgs) -> CliResult<Exit> {
    let settings = config::load(&app.global)?;
    if settings.ledger.is_absent() {
        return Err(CliError::usage(format!("there is no ledger at {}", settings.ledger))
            .hint("without it nothing is known to be ours, so nothing is removed"));
    }
    // Only to look: what is finished stays finished, whoever else works.
    let ledger = wiring::ledger(&settings.ledger, Access::Look).await?;
    let wired = wiring::pipeline(&settings, ledger).await?;
    let garbage = wired.pipeline.garbage().await?;
    for one in &garbage {
        app.printer.value(one);
    }
    let to_go: Vec<&Garbage> = garbage.iter().filter(|one| one.fate == Fate::Remove).collect();
    if !to_go.is_empty() {
        app.printer.line(table(&to_go));
    }
    let removed = if args.dry_run { 0 } else { wired.pipeline.remove(&garbage).await? };
    app.printer.value(&json!({ "removed": removed, "dry_run": args.dry_run }));
    app.printer.line(summary(&garbage, to_go.len(), args.dry_run));
    if let Some(emulator) = wired.emulator {
        emulator.shutdown().await;
    }
    Ok(exit::OK)
}

fn table(garbage: &[&Garbage]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_header(["where", "what", "id", "job"]);
    for one in garbage {
        let (what, id) = match &one.thing {
            Thing::Input { id, name } => (name.clone(), id.0.clone()),
            Thing::Results { id, batch } => (format!("results of {}", batch.0), id.0.clone()),
            Thing::Batch { id } => ("a batch that runs: it is cancelled".to_owned(), id.0.clone()),
            Thing::Work { at } => ("work files of a finished job".to_owned(), at.to_string()),
            Thing::Unfinished { at } => ("a file that was never finished".to_owned(), at.to_string()),
        };
        let job = one.job.as_ref().map_or_else(String::new, |job| job.0[..job.0.len().min(8)].to_owned());
        table.add_row([one.place.clone(), what, id, job]);
    }
    table.to_string()
}

fn summary(garbage: &[Garbage], to_go: usize, dry_run: bool) -> String {
    let count = |fate: Fate| garbage.iter().filter(|one| one.fate == fate).count();
    let mut text = format!("{to_go} {}", if dry_run { "would be removed (--dry-run)" } else { "removed" });
    for (fate, what) in [
        (Fate::Needed, "needed by jobs that are not finished"),
        (Fate::Young, "not old enough yet"),
        (Fate::Unknown, "of jobs that this ledger does not know: another ledger's, or forgotten"),
    ] {
        if count(fate) > 0 {
            text += &format!("\n  {} left alone: {what}", count(fate));
        }
    }
    text
}
