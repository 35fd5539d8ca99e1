//! Does the lake keep to the conditions of renames and deletes?

use adls_io::{
    Condition, DataLake, DataLakeExt, ETag, Error, ErrorKind, Location, PathError, RenameOptions, Result,
};
use bytes::Bytes;

use super::{report::Probe, site::Site};
use crate::commands::doctor::report::Outcome;

const DELETE: &str = "lake delete";
const ONTO: &str = "lake rename onto";
const CHANGED: &str = "lake rename of";
const TAG: &str = "lake tag";

/// Where the probes write; all of it is removed.
pub(super) fn directory(processed: &Location, name: &str) -> std::result::Result<Location, PathError> {
    let round = name.strip_prefix("aob-").unwrap_or(name);
    processed.join(&format!("_aoai-batch/{round}"))
}

pub(super) async fn probe(site: &Site<'_>, lake: &dyn DataLake, directory: &Location) {
    if let Err(error) = attempt(site, lake, directory).await {
        site.found(Probe::failed("lake", "its conditions could not be probed", &error));
    }
}

async fn attempt(site: &Site<'_>, lake: &dyn DataLake, directory: &Location) -> Result<()> {
    let at = |name: &str| {
        directory
            .join(name)
            .map_err(|error| Error::new(ErrorKind::Invalid, "write", directory, error.to_string()))
    };
    let write = |at: Location, text: &'static str| async move {
        let written = lake.write_all(&at, Bytes::from_static(text.as_bytes()), Condition::Always).await?;
        Ok::<ETag, Error>(written.etag)
    };
    let (one, two, three) = (at("one")?, at("two")?, at("three")?);
    let stale = write(one.clone(), "first").await?;
    let current = write(one.clone(), "second").await?;
    write(two.clone(), "third").await?;

    let onto = RenameOptions { source_if_match: None, destination: Condition::IfAbsent };
    site.found(
        verdict(ONTO, "an existing file (If-None-Match: *)", lake.rename(&one, &two, onto).await)?
            .meaning_of(
                "two runs never claim the same file, and no result is replaced",
                "two runs can claim the same file, and pay for it twice",
            ),
    );
    if lake.find(&one).await?.is_none() {
        // It moved where it must not.
        write(one.clone(), "second").await?;
    }
    let current = lake.find(&one).await?.map_or(current, |entry| entry.etag);

    let changed = RenameOptions { source_if_match: Some(stale.clone()), destination: Condition::Always };
    site.found(
        verdict(
            CHANGED,
            "a file that has changed (x-ms-source-if-match)",
            lake.rename(&one, &three, changed).await,
        )?
        .meaning_of(
            "an input that was replaced meanwhile is not archived as the old one",
            "an input that was replaced meanwhile is archived without being processed",
        ),
    );
    if lake.find(&one).await?.is_none() {
        write(one.clone(), "second").await?;
    }
    let current = lake.find(&one).await?.map_or(current, |entry| entry.etag);

    site.found(
        verdict(DELETE, "another version (If-Match)", lake.delete(&one, Some(stale)).await)?.meaning_of(
            "a file that was replaced meanwhile is not deleted",
            "a file that was replaced meanwhile is deleted",
        ),
    );
    if lake.find(&one).await?.is_none() {
        return Ok(());
    }

    let four = at("four")?;
    let plain = RenameOptions { source_if_match: None, destination: Condition::IfAbsent };
    lake.rename(&one, &four, plain).await?;
    site.found(tag(&current, &lake.head(&four).await?.etag));
    Ok(())
}

/// A condition that does not hold: was it looked at?
struct Verdict(Probe, bool);

fn verdict<T>(name: &'static str, what: &str, outcome: Result<T>) -> Result<Verdict> {
    match outcome {
        Ok(_) => {
            Ok(Verdict(Probe::new(name, Outcome::Unsafe, format!("{what}: CARRIED OUT ALL THE SAME")), false))
        }
        Err(error) if matches!(error.kind, ErrorKind::AlreadyExists | ErrorKind::Precondition) => {
            Ok(Verdict(Probe::new(name, Outcome::Ok, format!("{what}: refused")), true))
        }
        Err(error) => Err(error),
    }
}

impl Verdict {
    fn meaning_of(self, held: &str, broken: &str) -> Probe {
        let Self(probe, holds) = self;
        if holds {
            return probe.meaning(held);
        }
        probe
            .meaning(broken)
            .advice("use a storage account that checks conditions: a gateway in between may drop them")
    }
}

fn tag(before: &ETag, after: &ETag) -> Probe {
    if before == after {
        return Probe::new(TAG, Outcome::Ok, "the ETag survives a rename")
            .meaning("a rename whose answer was lost is recognised as done");
    }
    Probe::new(TAG, Outcome::Warning, "the ETag does NOT survive a rename")
        .meaning("a rename whose answer was lost is not recognised: that job stops, and nothing is lost or paid twice")
        .advice("tell the maintainers")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_that_changes_is_told() {
        let [one, two] = ["1", "2"].map(|tag| ETag(tag.to_owned()));
        assert_eq!(tag(&one, &one).outcome, Outcome::Ok);
        assert_eq!(tag(&one, &two).outcome, Outcome::Warning);
    }
}
