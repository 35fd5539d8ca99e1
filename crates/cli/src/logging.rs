//! Logs: on standard error, text or JSON, off by default but for warnings.

use tracing_subscriber::{EnvFilter, fmt};

use crate::args::{Global, LogFormat};

/// Starts the logging of this process.
pub(crate) fn start(global: &Global) {
    let level = match (global.quiet, global.verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "info",
        (false, 2) => "debug",
        (false, _) => "trace",
    };
    // Other crates are one step quieter: their debug output is not ours to vouch for.
    let others = if global.verbose > 2 { "debug" } else { "warn" };
    let ours =
        ["aoai_batch", "aoai_batch_client", "aoai_emulator", "adls_io", "batch_ledger", "batch_orchestrator"];
    let filter = ours.iter().map(|name| format!("{name}={level}")).collect::<Vec<_>>().join(",");
    let builder = fmt()
        .with_env_filter(EnvFilter::new(format!("{others},{filter}")))
        .with_writer(std::io::stderr)
        .with_target(false);
    // Only a second start in one process can fail, and then the first one serves.
    let _ = match global.log_format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}
