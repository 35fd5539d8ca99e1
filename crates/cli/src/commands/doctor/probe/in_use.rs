//! Does a batch live on when its input file is deleted while it runs?

use std::time::Duration;

use aoai_batch_client::{BatchApi, BatchId, BatchStatus, Error, FileId};
use tokio::time::Instant;

use super::{
    report::{Probe, human},
    site::{Site, said},
};
use crate::commands::doctor::report::Outcome;

const NAME: &str = "input in use";

/// A batch that runs for this long without its file does not need it any more.
const WATCH: Duration = Duration::from_mins(1);

pub(super) async fn probe(site: &Site<'_>, id: &BatchId, input: &FileId) {
    let probe = attempt(site, id, input).await;
    site.found(probe.unwrap_or_else(|error| Probe::failed(NAME, "it could not be probed", &error)));
}

async fn attempt(site: &Site<'_>, id: &BatchId, input: &FileId) -> Result<Probe, Error> {
    loop {
        let status = site.batch(id).await?.map(|batch| batch.status);
        match status {
            Some(BatchStatus::InProgress) => break,
            Some(status) if status.is_terminal() || status == BatchStatus::Finalizing => {
                let what = format!("not observed: the batch was {status} before it was seen in_progress");
                return Ok(Probe::new(NAME, Outcome::Note, what));
            }
            _ if site.is_over() => {
                let status = status.map_or("unknown".to_owned(), |status| status.to_string());
                let what = format!("not observed: the batch was still {status} at the end");
                return Ok(
                    Probe::new(NAME, Outcome::Note, what).advice("run again with a longer --probe-timeout")
                );
            }
            _ => site.pause().await,
        }
    }
    match site.service.delete_file(input).await {
        Ok(_) => watch(site, id).await,
        Err(error) if error.status().is_some_and(|status| matches!(status, 400 | 405 | 409 | 422 | 423)) => {
            let what = format!("the input file of a running batch cannot be deleted ({})", said(&error));
            Ok(Probe::new(NAME, Outcome::Warning, what)
                .meaning("the fence waits until the batch is found or has ended; nothing is paid twice"))
        }
        Err(error) => Err(error),
    }
}

async fn watch(site: &Site<'_>, id: &BatchId) -> Result<Probe, Error> {
    let deleted = Instant::now();
    let adopted = "a batch that is found after the fence fell is as good as any";
    loop {
        let status = site.batch(id).await?.map(|batch| batch.status);
        match status {
            Some(BatchStatus::Completed) => {
                let what = "the batch lives on without its input file, to its end";
                return Ok(Probe::new(NAME, Outcome::Ok, what).meaning(adopted));
            }
            None | Some(BatchStatus::Failed | BatchStatus::Expired | BatchStatus::Cancelled) => {
                let status = status.map_or("gone".to_owned(), |status| status.to_string());
                let what = format!(
                    "the batch is {status} {} after its input file was deleted",
                    human(deleted.elapsed())
                );
                return Ok(Probe::new(NAME, Outcome::Warning, what).meaning(
                    "a batch that is found after the fence fell does not finish: the lines it left undone are sent again, \
                     none is paid twice",
                ));
            }
            Some(status) if site.is_over() || deleted.elapsed() >= WATCH => {
                let what = format!(
                    "the batch is {status} {} after its input file was deleted: it lives on",
                    human(deleted.elapsed())
                );
                return Ok(Probe::new(NAME, Outcome::Ok, what).meaning(adopted));
            }
            Some(_) => site.pause().await,
        }
    }
}
