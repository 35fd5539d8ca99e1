//! What earlier attempts have settled is in the lake; it is put in order together with the results of this one.

use adls_io::ReadOptions;
use aoai_batch_client::{JsonLines, LineItem};
use futures::TryStreamExt;

use super::{
    artifact::Measure,
    harvest::Fetch,
    results::{Misfit, Slots},
    spool::Spool,
};
use crate::{
    model::{Artifact, Settled},
    reconcile::Context,
};

/// Takes the results of the attempts before.
pub(super) async fn take_settled(
    context: &Context,
    settled: &Settled,
    slots: &mut Slots,
    spool: &mut Spool,
) -> Result<(), Fetch> {
    for (artifact, is_output) in [(&settled.output, true), (&settled.error, false)] {
        if let Some(artifact) = artifact {
            take(context, artifact, is_output, slots, spool).await?;
        }
    }
    Ok(())
}

async fn take(
    context: &Context,
    artifact: &Artifact,
    is_output: bool,
    slots: &mut Slots,
    spool: &mut Spool,
) -> Result<(), Fetch> {
    let at = &artifact.location;
    let failed = |error: adls_io::Error| Fetch::Failed(error.into());
    let mut body = context.lake.read(at, ReadOptions::default()).await.map_err(failed)?.body;
    let (mut lines, mut measure) = (JsonLines::new(usize::MAX), Measure::default());
    let mut taken = Vec::new();
    loop {
        let chunk = body.try_next().await.map_err(failed)?;
        let ended = chunk.is_none();
        if let Some(chunk) = chunk {
            measure.add(&chunk);
            lines.push(chunk);
            std::iter::from_fn(|| lines.next_line()).for_each(|item| taken.push(item));
        } else {
            taken.extend(std::mem::replace(&mut lines, JsonLines::new(0)).finish());
        }
        for item in taken.drain(..) {
            let LineItem::Line(line) = item else { continue };
            slots.take_settled(&line.bytes, spool.position(), is_output).map_err(|misfit| {
                let place = format!("line {} of {at}", line.number);
                Fetch::Foreign(match misfit {
                    Misfit::Unreadable(error) => format!("{place} is not a result line: {error}"),
                    Misfit::Unknown(id) => format!("{place} has custom_id \"{id}\", which was never sent"),
                    Misfit::Duplicate(id) => format!("{place} is a second result for custom_id \"{id}\""),
                })
            })?;
            spool.push(&line.bytes).await.map_err(Fetch::Failed)?;
        }
        if ended {
            break;
        }
    }
    if measure.finish(at.clone()) == *artifact {
        Ok(())
    } else {
        Err(Fetch::Foreign(format!("{at} is not what was written: somebody changed the work directory")))
    }
}
