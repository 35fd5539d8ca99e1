//! `PUBLISHED`, of a bundle: its traces say that the members' lines were sent, so they stay until nobody needs to know.

use std::collections::HashSet;

use super::{lost::any_claimed, table::members_of};
use crate::{
    error::StageResult,
    ledger::JobQuery,
    model::{JobKey, JobRecord},
    reconcile::Context,
    snapshot::claim_markers,
};

/// Whether a member has yet to finish.
pub(crate) async fn members_pending(context: &Context, bundle: &JobKey) -> StageResult<bool> {
    let members = members_of(context, bundle).await?;
    let members: HashSet<&JobKey> = members.iter().map(|member| &member.part.job).collect();
    let unfinished = context.ledger.view(&JobQuery { unfinished: true, ..JobQuery::default() }).await?;
    Ok(unfinished.iter().any(|view| members.contains(&view.job.key)))
}

/// Removes the bundle's directory, unless a member waits for a person: then it goes at the start of a later run.
pub(crate) async fn leave(context: &Context, job: &JobRecord) -> StageResult<()> {
    let members = members_of(context, &job.key).await?;
    if !any_claimed(
        context,
        &members,
        &claim_markers(context.lake.as_ref(), &context.layout.claims()?).await?,
    ) {
        context.lake.delete_directory(&context.layout.bundle(&job.key)?).await?;
    }
    Ok(())
}
