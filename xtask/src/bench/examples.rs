//! The benches `tokens` and `validate`: examples of their crates, which print tables of their own.

use super::{Bench, progress, table::Row};
use crate::run;

pub(super) fn tokens(_: &Bench<'_>) -> Result<Vec<Row>, String> {
    show("token-estimator", "beside_tiktoken", &[])
}

pub(super) fn validate(bench: &Bench<'_>) -> Result<Vec<Row>, String> {
    let size: &[&str] = if bench.options.quick { &["50", "3"] } else { &[] };
    show("batch-orchestrator", "validate_bench", size)
}

fn show(package: &str, example: &str, arguments: &[&str]) -> Result<Vec<Row>, String> {
    progress(&format!("{example}: it prints what it finds"));
    let mut command = run::cargo();
    command.args(["run", "--release", "-p", package, "--example", example, "--"]).args(arguments);
    run::succeed(&mut command)?;
    Ok(Vec::new())
}
