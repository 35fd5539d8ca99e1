//! `PUBLISHING`, of a bundle: each member gets its share of the results, in its own work directory. The bundle's manifest says
//! that all of them have it.

use std::borrow::Cow;

use adls_io::{Condition, DataLakeExt};
use bytes::Bytes;

use super::{
    ids::member_of,
    share::{Dealer, Kind, Share},
    table::read_table,
};
use crate::{
    collect::{MANIFEST_NAME, for_each_index_line, manifest},
    error::{StageError, StageResult},
    machine::JobEvent,
    model::{JobRecord, Member, PartFailure, PartResult, Publication, RawInput},
    reconcile::{Context, Pool},
};

/// Hands out the results. Nothing if that was done before: members may have taken and removed theirs since.
pub(crate) async fn deliver(
    pool: &Pool,
    job: &JobRecord,
    publication: &Publication,
) -> StageResult<JobEvent> {
    let context = pool.common();
    let raw = RawInput::Archived { location: job.input.location.clone() };
    let said = context.layout.bundle(&job.key)?.join(MANIFEST_NAME)?;
    // Without a table, a later state of the ledger has seen all members finished.
    if !context.lake.exists(&said).await?
        && let Some(table) = read_table(context, &job.key).await?
    {
        if let Err(reason) = deal_out(pool, publication, &table.members).await? {
            return Ok(JobEvent::Quarantine { reason });
        }
        let document = Bytes::from(manifest(job, publication, &publication.totals(), &[], &raw));
        context.lake.write_all(&said, document, Condition::Always).await?;
    }
    Ok(JobEvent::Published { totals: publication.totals(), raw })
}

/// `Err` where the results and the members do not fit together.
async fn deal_out(
    pool: &Pool,
    publication: &Publication,
    members: &[Member],
) -> StageResult<Result<(), String>> {
    let context = pool.common();
    let mut shares = places(context, publication, members).await?;
    let place = |member: usize, kind: Kind| {
        let key = &members.get(member).ok_or_else(|| StageError::local("no such member", None))?.part;
        Ok(context.layout.harvest(key, kind.name())?)
    };
    let own_first: Vec<u64> = members.iter().map(|member| member.plan.first_line).collect();
    for kind in Kind::ALL {
        let mut dealer = Dealer::new(context.lake.as_ref(), kind, &place, &own_first, &mut shares);
        for (number, part) in publication.parts.iter().enumerate().filter(|(_, part)| part.is_last()) {
            if let Some(artifact) = kind.of(&part.harvest) {
                dealer.deal(number, artifact).await?;
            }
        }
        dealer.close().await?;
    }
    for (member, share) in members.iter().zip(&shares) {
        let lines = |kind: Kind| kind.of(&share.harvest).map_or(0, |artifact| artifact.lines);
        let counted = lines(Kind::Output) + lines(Kind::Error);
        if counted != share.lines || (counted != 0 && counted != member.plan.lines) {
            return Ok(Err(format!(
                "{counted} result lines for {}, which has {} lines",
                member.input.location, member.plan.lines
            )));
        }
    }
    for (member, share) in members.iter().zip(shares) {
        let result = result(pool, publication, member, share)?;
        let json = serde_json::to_vec(&result).map_err(|error| StageError::local(error.to_string(), None))?;
        let at = context.layout.share(&member.part)?;
        context.lake.write_all(&at, Bytes::from(json), Condition::Always).await?;
    }
    Ok(Ok(()))
}

/// Where the lines of each member are in the bundle, by its index.
async fn places(context: &Context, publication: &Publication, members: &[Member]) -> StageResult<Vec<Share>> {
    let mut shares = vec![Share::default(); members.len()];
    for part in publication.last_attempts() {
        let index = context.layout.index(&part.key.job, part.key.part)?;
        for_each_index_line(context.lake.as_ref(), &index, |position, entry| {
            let id: Cow<'_, str> = entry.id;
            if let Some(share) = member_of(&id).and_then(|member| shares.get_mut(member)) {
                if share.lines == 0 {
                    share.first_line = part.whole_plan().first_line + position as u64;
                }
                share.lines += 1;
            }
        })
        .await?;
    }
    Ok(shares)
}

/// The member's results, as if it had been sent alone, but for the batch.
fn result(pool: &Pool, publication: &Publication, member: &Member, share: Share) -> StageResult<PartResult> {
    let of = share.part.and_then(|part| publication.parts.get(part));
    let deployment = of.and_then(|part| part.deployment.clone());
    let cost = match of {
        Some(_) => pool.of(deployment.as_ref())?.context.part_cost(&member.plan, &share.harvest),
        None => None,
    };
    let failure = match of {
        // It was left out: its file was replaced before the bundle was put together.
        None => Some(PartFailure::input_replaced()),
        // Some of the bundle was sent, so this is not the same as a file that was not.
        Some(part) => part.failure.clone().filter(|failure| !failure.is_input_replaced()),
    };
    Ok(PartResult {
        key: member.part.clone(),
        plan: member.plan.clone(),
        deployment,
        submission: None,
        batch: of.and_then(|part| part.batch.clone()),
        failure,
        bundle: publication.parts.first().map(|part| part.key.job.clone()),
        harvest: share.harvest,
        cost,
    })
}
