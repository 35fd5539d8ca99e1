//! Jobs by their key.

use batch_orchestrator::ledger::JobView;

use crate::error::{CliError, CliResult};

/// The one job that a key means.
pub(super) fn the_one(key: &str, mut views: Vec<JobView>) -> CliResult<JobView> {
    match (views.pop(), views.len()) {
        (Some(view), 0) => Ok(view),
        (None, _) => {
            Err(CliError::usage(format!("there is no job {key}")).hint("`aoai-batch status` lists the keys"))
        }
        (Some(_), more) => Err(CliError::usage(format!("{} jobs begin with {key}", more + 1))
            .hint("give more digits of the key")),
    }
}
