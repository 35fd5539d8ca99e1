//! `cargo xtask package`: every library crate can be packaged.
//!
//! All in one call, so that cargo resolves the ones among themselves instead of asking the registry for them. The
//! packages are not built from their archives: the tests have built the same sources.

use crate::run::{Outcome, cargo, succeed};

const LIBRARIES: [&str; 8] = [
    "adls-io",
    "aoai-batch-client",
    "token-estimator",
    "result-tables",
    "structured-check",
    "batch-orchestrator",
    "batch-ledger",
    "aoai-emulator",
];

pub(crate) fn run() -> Outcome {
    let mut command = cargo();
    command.args(["package", "--no-verify", "--allow-dirty"]);
    for library in LIBRARIES {
        command.args(["-p", library]);
    }
    succeed(&mut command)
}
