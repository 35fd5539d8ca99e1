//! Are files told by their names, and how soon do lists have them?

use std::time::Duration;

use aoai_batch_client::{BatchApiExt, FileId, FileObject, FileQuery, Result};
use futures::TryStreamExt;
use tokio::time::{Instant, sleep};

use super::{
    report::{Probe, human},
    site::Site,
};
use crate::commands::doctor::report::Outcome;

const NAME: &str = "file name";
const EXPIRY: &str = "file expiry";

/// Uploads the first file and watches for it; none = there is nothing to create a batch on.
pub(super) async fn probe(site: &Site<'_>) -> Option<FileId> {
    let uploaded = match site.upload("1").await {
        Ok(file) => file,
        Err(error) => {
            site.found(Probe::failed(NAME, "a file cannot be uploaded", &error));
            return None;
        }
    };
    let since = Instant::now();
    let listed = match until_listed(site, &uploaded.id, since).await {
        Ok(listed) => listed,
        Err(error) => {
            site.found(Probe::failed(NAME, "files cannot be listed", &error));
            None
        }
    };
    match site.processed(&uploaded.id).await {
        Ok(Some(file)) => {
            site.found(judge(site, &file, listed));
            site.found(expiry(site, &file));
            Some(file.id)
        }
        Ok(None) => {
            let what = "the file was not processed in time, or not at all";
            site.found(
                Probe::new(NAME, Outcome::Failed, what).advice("run again with a longer --probe-timeout"),
            );
            None
        }
        Err(error) => {
            site.found(Probe::failed(NAME, "the file cannot be looked at", &error));
            None
        }
    }
}

/// The file as the list has it, and how long that took at most.
async fn until_listed(
    site: &Site<'_>,
    id: &FileId,
    since: Instant,
) -> Result<Option<(FileObject, Duration)>> {
    loop {
        let query = FileQuery { purpose: Some("batch".into()), ..FileQuery::default() };
        let mut files = std::pin::pin!(site.service.files(query));
        while let Some(file) = files.try_next().await? {
            if file.id == *id {
                return Ok(Some((file, since.elapsed())));
            }
        }
        if since.elapsed() >= site.list_wait || site.is_over() {
            return Ok(None);
        }
        sleep(site.list_every()).await;
    }
}

fn judge(site: &Site<'_>, file: &FileObject, listed: Option<(FileObject, Duration)>) -> Probe {
    let is_ours =
        |file: &FileObject| file.filename.as_deref().is_some_and(|name| name.starts_with(&site.name));
    let told = |file: &FileObject| if is_ours(file) { "told" } else { "NOT told" };
    let repeated = "an upload whose answer was lost is repeated, and the lost copy stays until it expires: it costs \
                    nothing but its place in the quota of files";
    let keep = "keep service.file_expires_after set";
    let Some((entry, lag)) = listed else {
        let waited = human(site.list_wait);
        let what = format!("{} by GET; the list did not have the file within {waited}", told(file));
        return Probe::new(NAME, Outcome::Warning, what).meaning(repeated).advice(keep);
    };
    let what = format!(
        "{} by GET, {} by the list, which had the file after {}",
        told(file),
        told(&entry),
        human(lag)
    );
    if !is_ours(&entry) {
        Probe::new(NAME, Outcome::Warning, what).meaning(repeated).advice(keep)
    } else if lag > site.list_settle() {
        let longer = format!("set run.list_settle to {} or more", human(lag * 4));
        Probe::new(NAME, Outcome::Warning, what).meaning(repeated).advice(longer)
    } else {
        Probe::new(NAME, Outcome::Ok, what)
            .meaning("an upload whose answer was lost is found again by its name")
    }
    .measured(lag)
}

fn expiry(site: &Site<'_>, file: &FileObject) -> Probe {
    match (site.settings.pipeline.service.file_expires_after, file.expires_at) {
        (None, _) => {
            Probe::new(EXPIRY, Outcome::Note, "service.file_expires_after is not set: nothing was asked for")
        }
        (Some(_), Some(_)) => {
            Probe::new(EXPIRY, Outcome::Ok, "the service took the expiry that was asked for")
        }
        (Some(_), None) => {
            Probe::new(EXPIRY, Outcome::Warning, "the service ignored the expiry that was asked for")
                .meaning(
                    "our files count towards the quota of 500, and nothing deletes them but our own clean-up",
                )
                .advice("use service.api = \"v1\" or \"2025-04-01-preview\"")
        }
    }
}
