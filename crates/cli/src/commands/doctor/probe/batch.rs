//! What does a new batch tell of itself, and how soon do lists have it?

use std::{collections::BTreeMap, time::Duration};

use aoai_batch_client::{Batch, BatchApiExt, BatchId, ErrorKind, FileId, PageQuery, Result};
use futures::TryStreamExt;
use tokio::time::{Instant, sleep};

use super::{
    report::{Probe, human},
    site::{Site, said, unix_now},
};
use crate::commands::doctor::report::Outcome;

const ECHO: &str = "batch identity";
const CLOCK: &str = "service clock";
const LAG: &str = "list lag";

/// So far back the poll of a run looks for its oldest batch.
const CLOCK_TOLERANCE: u64 = 15 * 60;

/// Creates the first batch, which may cost its one line.
pub(super) async fn create(site: &Site<'_>, input: &FileId) -> Option<(BatchId, Instant)> {
    let before = unix_now();
    let mut refused = None;
    let mut created = site.create(input, site.metadata()).await;
    if let Err(error) = &created
        && error.kind() == ErrorKind::Rejected
        && error.applied() == aoai_batch_client::Applied::No
    {
        // It may be the metadata that it did not like, or anything else.
        refused = Some(said(error));
        created = site.create(input, BTreeMap::new()).await;
    }
    let since = Instant::now();
    match created {
        Ok(batch) => {
            site.found(echo(site, input, &batch, refused));
            site.found(clock(site, &batch, i64::midpoint(before, unix_now())).await);
            Some((batch.id, since))
        }
        Err(error) => {
            let what = "a batch cannot be created, so that nothing about batches can be probed";
            site.found(Probe::failed(ECHO, what, &error));
            None
        }
    }
}

fn echo(site: &Site<'_>, input: &FileId, batch: &Batch, refused: Option<String>) -> Probe {
    let by_input = batch.input_file_id.as_ref() == Some(input);
    let told = |told: bool| if told { "told" } else { "NOT told" };
    if let Some(refused) = refused {
        let what = format!("input_file_id is {}, metadata are refused ({refused})", told(by_input));
        return Probe::new(ECHO, Outcome::Failed, what)
            .meaning("a run sends metadata with every batch, and would have every one of them refused")
            .advice("use another service.api, or transfer = \"blob\", which sends none");
    }
    let by_metadata = batch.metadata.get("aob_probe") == Some(&site.name);
    let what = format!("input_file_id is {}, metadata are {}", told(by_input), told(by_metadata));
    match (by_input, by_metadata) {
        (true, true) => {
            Probe::new(ECHO, Outcome::Ok, what).meaning("a batch of ours is recognised in two ways")
        }
        (true, false) => Probe::new(ECHO, Outcome::Ok, what)
            .meaning("a batch of ours is recognised by its input file, which is enough"),
        (false, true) => Probe::new(ECHO, Outcome::Warning, what)
            .meaning("a batch of ours is recognised by its metadata alone"),
        (false, false) => Probe::new(ECHO, Outcome::Unsafe, what)
            .meaning(
                "a batch whose create was not answered cannot be recognised: its lines may be paid twice",
            )
            .advice("do not run against this service; use another service.api"),
    }
}

async fn clock(site: &Site<'_>, batch: &Batch, ours: i64) -> Probe {
    let ahead = |seconds: i64| match seconds {
        -1..=1 => "agrees with ours".to_owned(),
        2.. => format!("is {} ahead of ours", human(Duration::from_secs(seconds.unsigned_abs()))),
        _ => format!("is {} behind ours", human(Duration::from_secs(seconds.unsigned_abs()))),
    };
    let dated = site.service.query_batches(&[("limit", "1")]).await.ok().and_then(|answer| answer.date);
    let date = dated.map(|date| format!("; by its Date header it {}", ahead(date - unix_now())));
    let Some(created) = batch.created_at else {
        return Probe::new(CLOCK, Outcome::Warning, "a batch does not tell when it was created")
            .meaning("every poll lists all batches of the resource");
    };
    let offset = created - ours;
    let what = format!("by created_at it {}{}", ahead(offset), date.unwrap_or_default());
    let mut probe = if offset < 0 && offset.unsigned_abs() > CLOCK_TOLERANCE {
        Probe::new(CLOCK, Outcome::Warning, what)
            .meaning(
                "the poll takes our batches for older than they are, and asks for each by itself, less often",
            )
            .advice("set this machine's clock by NTP")
    } else {
        Probe::new(CLOCK, Outcome::Ok, what)
    };
    probe.seconds = i32::try_from(offset).ok().map(f64::from);
    probe
}

/// How long does the list not have the batch?
pub(super) async fn lag(site: &Site<'_>, id: &BatchId, since: Instant) {
    let probe = match until_listed(site, id, since).await {
        Ok(lag) => judge(lag, since.elapsed(), site.list_settle()),
        Err(error) => Probe::failed(LAG, "batches cannot be listed", &error),
    };
    site.found(probe);
}

async fn until_listed(site: &Site<'_>, id: &BatchId, since: Instant) -> Result<Option<Duration>> {
    loop {
        // All pages, as a run does that looks for a batch of its own.
        let mut batches = std::pin::pin!(site.service.batches(PageQuery { limit: Some(100), after: None }));
        while let Some(batch) = batches.try_next().await? {
            if batch.id == *id {
                return Ok(Some(since.elapsed()));
            }
        }
        if since.elapsed() >= site.list_wait || site.is_over() {
            return Ok(None);
        }
        sleep(site.list_every()).await;
    }
}

/// What a lag means for the time that a run waits before it trusts a list.
fn judge(lag: Option<Duration>, waited: Duration, settle: Duration) -> Probe {
    let configured = humantime::format_duration(settle);
    let overlooked = "a batch whose create was not answered can be overlooked: its lines may be paid twice";
    let Some(lag) = lag else {
        let what = format!(
            "a new batch was not in the list within {} (run.list_settle = {configured})",
            human(waited)
        );
        let outcome = if waited > settle { Outcome::Unsafe } else { Outcome::Warning };
        return Probe::new(LAG, outcome, what).meaning(overlooked).advice(
            "measure with a longer --probe-list-wait, and set run.list_settle to four times the lag",
        );
    };
    let what = format!("a new batch is in the list after {} (run.list_settle = {configured})", human(lag));
    let longer = format!("set run.list_settle to {} or more", human(lag * 4));
    match lag {
        _ if lag > settle => Probe::new(LAG, Outcome::Unsafe, what).meaning(overlooked).advice(longer),
        _ if lag > settle / 4 => Probe::new(LAG, Outcome::Warning, what)
            .meaning("there is little room for a slower day")
            .advice(longer),
        _ => Probe::new(LAG, Outcome::Ok, what)
            .meaning("a run waits at least four times as long before it trusts a list"),
    }
    .measured(lag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lag_is_compared_with_a_quarter_of_the_settle_time() {
        let seconds = Duration::from_secs;
        let of = |lag: Option<u64>, waited: u64| judge(lag.map(seconds), seconds(waited), seconds(300));
        assert_eq!(of(Some(75), 75).outcome, Outcome::Ok);
        let warned = of(Some(76), 76);
        assert_eq!((warned.outcome, warned.seconds), (Outcome::Warning, Some(76.0)));
        assert_eq!(warned.advice.as_deref(), Some("set run.list_settle to 5m 4s or more"));
        assert_eq!(of(Some(301), 301).outcome, Outcome::Unsafe);
        assert_eq!(of(None, 120).outcome, Outcome::Warning);
        assert_eq!(of(None, 301).outcome, Outcome::Unsafe);
    }
}
