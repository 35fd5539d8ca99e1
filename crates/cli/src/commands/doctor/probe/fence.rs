//! The fence: does a create on a deleted file come to nothing?

use aoai_batch_client::{Applied, Batch, BatchApi, BatchStatus, DeletedFile, Error, ErrorKind};

use super::{
    report::Probe,
    site::{Site, said},
};
use crate::commands::doctor::report::Outcome;

const NAME: &str = "fence";

const HOLDS: &str = "deleting the input file stops a create that is still under way: nothing is paid twice";
const VOID: &str = "THE FENCE IS VOID: a create whose answer was lost can run after its file was deleted and its lines \
                    were sent again: they may be paid twice, and only waiting for the lists protects from it";

pub(super) async fn probe(site: &Site<'_>) {
    let probe =
        attempt(site).await.unwrap_or_else(|error| Probe::failed(NAME, "it could not be probed", &error));
    site.found(probe);
}

async fn attempt(site: &Site<'_>) -> Result<Probe, Error> {
    let file = site.upload("2").await?;
    // Otherwise a refusal could be about the file's state.
    if site.processed(&file.id).await?.is_none() {
        return Ok(Probe::new(NAME, Outcome::Failed, "the file was not processed in time")
            .advice("run again with a longer --probe-timeout"));
    }
    if site.service.delete_file(&file.id).await? == DeletedFile::Absent {
        return Ok(Probe::new(
            NAME,
            Outcome::Warning,
            "the file was gone before it was deleted: not observed",
        ));
    }
    match site.create(&file.id, site.metadata()).await {
        Ok(batch) => watch(site, batch).await,
        Err(error) => Ok(refusal(&error)),
    }
}

fn refusal(error: &Error) -> Probe {
    let what = format!("a create on a deleted file is refused ({})", said(error));
    match (error.applied(), error.kind()) {
        (Applied::No, ErrorKind::Rejected | ErrorKind::NotFound) => {
            Probe::new(NAME, Outcome::Ok, what).meaning(HOLDS)
        }
        (Applied::No, _) => Probe::failed(NAME, "it could not be probed", error),
        (Applied::Unknown, _) => Probe::new(NAME, Outcome::Warning, what)
            .meaning("that is no clear no: a run waits and looks for the batch in the list before it goes on")
            .advice("run the probes again"),
    }
}

/// The create was accepted; what becomes of it?
async fn watch(site: &Site<'_>, mut batch: Batch) -> Result<Probe, Error> {
    loop {
        match batch.status {
            BatchStatus::Failed if batch.request_counts.completed == 0 => {
                let codes: Vec<_> = batch.errors.iter().filter_map(|error| error.code.as_deref()).collect();
                let why = if codes.is_empty() { String::new() } else { format!(" ({})", codes.join(", ")) };
                let what = format!("a create on a deleted file is accepted, and the batch fails{why}");
                return Ok(Probe::new(NAME, Outcome::Ok, what)
                    .meaning(format!("{HOLDS}; a failed batch costs nothing")));
            }
            BatchStatus::Validating | BatchStatus::Unknown(_) if !site.is_over() => {}
            BatchStatus::Validating | BatchStatus::Unknown(_) => {
                let what = format!(
                    "a create on a deleted file is accepted; not observed what becomes of it: still {} at the end",
                    batch.status
                );
                return Ok(Probe::new(NAME, Outcome::Warning, what)
                    .meaning("whether the fence holds is not known")
                    .advice("run again with a longer --probe-timeout"));
            }
            BatchStatus::Cancelling | BatchStatus::Cancelled => {
                let what = "the batch on a deleted file was cancelled by somebody else: not observed";
                return Ok(Probe::new(NAME, Outcome::Warning, what));
            }
            BatchStatus::Failed
            | BatchStatus::InProgress
            | BatchStatus::Finalizing
            | BatchStatus::Completed
            | BatchStatus::Expired => {
                // It costs money from now on; the clean-up does it again, and says if it did not work.
                let _ = site.service.cancel_batch(&batch.id).await;
                let what =
                    format!("A CREATE ON A DELETED FILE RUNS: batch {} is {}", batch.id.0, batch.status);
                return Ok(Probe::new(NAME, Outcome::Unsafe, what)
                    .meaning(VOID)
                    .advice("set run.list_settle much longer, such as \"1h\", and tell the maintainers"));
            }
        }
        site.pause().await;
        if let Some(now) = site.batch(&batch.id).await? {
            batch = now;
        }
    }
}
