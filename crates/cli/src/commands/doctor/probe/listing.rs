//! In which order are batches listed, in which pages, and can they be filtered?

use aoai_batch_client::{ApiForm, Batch, Error, ErrorKind};

use super::{
    report::Probe,
    site::{Site, said, unix_now},
};
use crate::{commands::doctor::report::Outcome, config::Service};

const ORDER: &str = "list order";
const PAGES: &str = "list pages";
const FILTER: &str = "list filter";

pub(super) async fn probe(site: &Site<'_>) {
    let listed = match list(site, &[("limit", "100")]).await {
        Ok(listed) => listed,
        Err(error) => return site.found(Probe::failed(ORDER, "batches cannot be listed", &error)),
    };
    site.found(order(&listed));
    site.found(pages(site, &listed).await);
    site.found(filter(site, &listed).await);
}

async fn list(site: &Site<'_>, query: &[(&str, &str)]) -> Result<Vec<Batch>, Error> {
    Ok(site.service.query_batches(query).await?.page.data)
}

/// How the times of a list run.
#[derive(Debug, PartialEq, Eq)]
enum Run {
    NewestFirst,
    OldestFirst,
    Mixed,
    /// There are no two times.
    Unknown,
}

fn run(listed: &[Batch]) -> Run {
    let times: Vec<_> = listed.iter().filter_map(|batch| batch.created_at).collect();
    let falls = times.windows(2).any(|pair| pair[0] > pair[1]);
    let rises = times.windows(2).any(|pair| pair[0] < pair[1]);
    match (falls, rises) {
        (true, false) => Run::NewestFirst,
        (false, true) => Run::OldestFirst,
        (true, true) => Run::Mixed,
        (false, false) => Run::Unknown,
    }
}

fn order(listed: &[Batch]) -> Probe {
    let slower = "the poll ends at the first old batch, so that newer ones behind it are asked for by themselves, less often";
    match run(listed) {
        Run::NewestFirst => Probe::new(ORDER, Outcome::Ok, "newest first")
            .meaning("the poll reads no further than the oldest batch that runs"),
        Run::OldestFirst => Probe::new(ORDER, Outcome::Warning, "oldest first").meaning(slower),
        Run::Mixed => Probe::new(ORDER, Outcome::Warning, "neither newest nor oldest first").meaning(slower),
        Run::Unknown => {
            Probe::new(ORDER, Outcome::Note, "not observed: there are no two batches of different times")
        }
    }
}

async fn pages(site: &Site<'_>, listed: &[Batch]) -> Probe {
    if listed.len() < 2 {
        return Probe::new(PAGES, Outcome::Note, "not observed: there are no two batches");
    }
    match list(site, &[("limit", "1")]).await {
        Ok(page) if page.len() == 1 => Probe::new(PAGES, Outcome::Ok, "limit=1 brings one batch"),
        Ok(page) => Probe::new(PAGES, Outcome::Warning, format!("limit=1 brings {} batches", page.len()))
            .meaning("lists may be longer than asked for; they are read all the same"),
        Err(error) => Probe::failed(PAGES, "batches cannot be listed in pages", &error),
    }
}

/// Nothing depends on it, so nothing about it is alarming.
async fn filter(site: &Site<'_>, listed: &[Batch]) -> Probe {
    let dated = match &site.settings.service {
        Service::Remote(remote) => matches!(remote.options.api, ApiForm::Dated(_)),
        Service::Emulator(_) => false,
    };
    if !dated {
        return Probe::new(
            FILTER,
            Outcome::Note,
            "not probed: only dated versions of the API have $filter and $orderby",
        );
    }
    if listed.is_empty() {
        return Probe::new(FILTER, Outcome::Note, "not observed: there is no batch");
    }
    // Nothing is from tomorrow.
    let tomorrow = format!(
        "created_at gt {}",
        listed.iter().filter_map(|b| b.created_at).max().unwrap_or_else(unix_now) + 86_400
    );
    let filtered = list(site, &[("$filter", tomorrow.as_str())]).await.map(|found| match found.is_empty() {
        true => "applied",
        false => "ignored",
    });
    let ordered =
        list(site, &[("$orderby", "created_at asc"), ("limit", "100")]).await.map(|found| {
            match run(&found) {
                Run::OldestFirst => "applied",
                Run::Unknown => "accepted (not observed whether it is applied)",
                Run::NewestFirst | Run::Mixed => "ignored",
            }
        });
    let told = |outcome: Result<&str, Error>| match outcome {
        Ok(how) => Ok(how.to_owned()),
        Err(error) if matches!(error.kind(), ErrorKind::Rejected | ErrorKind::NotFound) => {
            Ok(format!("refused ({})", said(&error)))
        }
        Err(error) => Err(error),
    };
    match (told(filtered), told(ordered)) {
        (Ok(filtered), Ok(ordered)) => {
            Probe::new(FILTER, Outcome::Note, format!("$filter is {filtered}, $orderby is {ordered}"))
                .meaning("nothing depends on it: lists are read as they come")
        }
        (Err(error), _) | (_, Err(error)) => Probe::failed(FILTER, "batches cannot be listed", &error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_needs_two_times() {
        let listed = |times: &[i64]| -> Vec<Batch> {
            let batch =
                |at| serde_json::from_value(serde_json::json!({ "id": "b", "created_at": at })).unwrap();
            times.iter().map(batch).collect()
        };
        assert_eq!(run(&listed(&[3, 3, 2])), Run::NewestFirst);
        assert_eq!(run(&listed(&[1, 2])), Run::OldestFirst);
        assert_eq!(run(&listed(&[1, 2, 1])), Run::Mixed);
        assert_eq!(run(&listed(&[1, 1])), Run::Unknown);
        assert_eq!(run(&listed(&[])), Run::Unknown);
    }
}
