//! One published directory, from nothing but what is in the lake.

use std::collections::BTreeSet;

use adls_io::{DataLake, DataLakeExt, EntryKind, ListMode, Location};
use bytes::Bytes;
use futures::TryStreamExt;

use super::{
    conservation::{Conservation, Results},
    document::{Counts, Document, Named, location},
    files::{Expecting, check_file},
    report::{Audit, AuditKind},
};
use crate::{
    collect::{MANIFEST_MAX_BYTES, MANIFEST_NAME},
    error::PipelineError,
};

/// Re-reads all that a job has published, in both of its directories, and says what is not as it should be. `directory` is
/// either of them. Memory is some dozen bytes for each line.
///
/// # Errors
/// If the lake cannot be read. What is wrong with the directory is in the answer.
pub async fn audit_directory(lake: &dyn DataLake, directory: &Location) -> Result<Audit, PipelineError> {
    let mut audit = Audit::new(directory.clone());
    let Some(bytes) = manifest(lake, directory, &mut audit).await? else {
        if !lake.exists(directory).await? {
            audit.add_missing_directory(directory);
        }
        return Ok(audit);
    };
    let Some(document) = parse(&bytes, directory, &mut audit) else { return Ok(audit) };
    audit.job = Some(document.job.clone());
    let mut books = Conservation::default();
    input(lake, &document, &mut books, &mut audit).await?;
    let mut known = BTreeSet::new();
    // The failed requests are held against the errors, so they come last.
    let mut named: Vec<&Named> = document.artifacts.iter().collect();
    let failed = document.ending("failed");
    named.sort_by_key(|named| named.path.ends_with(&failed));
    for named in named {
        match location(&named.path) {
            Some(at) => {
                artifact(lake, &document, named, &at, &mut books, &mut audit).await?;
                known.insert(at);
            }
            None => audit.add(AuditKind::Manifest, &named.path, None, "the manifest names what is no path"),
        }
    }
    known.extend(document.input.raw.archived_at().and_then(location));
    let mut directories: BTreeSet<Location> =
        document.artifacts.iter().filter_map(|named| location(&named.path)).map(|at| at.parent()).collect();
    directories.remove(directory);
    for other in directories {
        if manifest(lake, &other, &mut audit).await?.is_some_and(|found| found != bytes) {
            let message = format!("it is not the manifest of {directory}");
            audit.add(AuditKind::ChangedFile, &other.join(MANIFEST_NAME)?, None, message);
        }
        audit.directories.push(other);
    }
    for directory in audit.directories.clone() {
        strangers(lake, &directory, &known, &mut audit).await?;
    }
    if document.input.lines.is_some() {
        balance(&books, &document.counts, directory, &mut audit);
    }
    (audit.lines, audit.output, audit.errors) = (document.counts.lines, books.output, books.errors);
    audit.with_input = books.is_complete();
    Ok(audit)
}

async fn manifest(
    lake: &dyn DataLake,
    directory: &Location,
    audit: &mut Audit,
) -> Result<Option<Bytes>, PipelineError> {
    let at = directory.join(MANIFEST_NAME)?;
    let bytes = match lake.read_all(&at, MANIFEST_MAX_BYTES).await {
        Ok(bytes) => bytes,
        Err(error) if error.is_absent() => {
            audit.add(
                AuditKind::Manifest,
                &at,
                None,
                "there is no manifest: nothing says what should be here",
            );
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    audit.bytes += bytes.len() as u64;
    Ok(Some(bytes))
}

fn parse(bytes: &[u8], directory: &Location, audit: &mut Audit) -> Option<Document> {
    let parsed = serde_json::from_slice(bytes);
    parsed
        .map_err(|error| {
            let at = format!("{directory}/{MANIFEST_NAME}");
            audit.add(AuditKind::Manifest, &at, None, format!("it is no manifest: {error}"));
        })
        .ok()
}

/// The archived input: its hash, and what requests there are.
async fn input(
    lake: &dyn DataLake,
    document: &Document,
    books: &mut Conservation,
    audit: &mut Audit,
) -> Result<(), PipelineError> {
    let Some(path) = document.input.raw.archived_at() else { return Ok(()) };
    let Some(at) = location(path) else {
        audit.add(AuditKind::Manifest, path, None, "the manifest names what is no path");
        return Ok(());
    };
    // What was refused has no requests to speak of.
    let expecting = if document.input.lines.is_some() { Expecting::Requests } else { Expecting::Anything };
    let found = check_file(lake, &at, expecting, books, |line, (kind, message)| {
        audit.add(kind, &at, Some(line), message);
    });
    match found.await? {
        None => audit.add(AuditKind::MissingFile, &at, None, "the archived input is not there"),
        Some(found) => {
            audit.bytes += found.bytes;
            let same_hash = document.input.sha256.as_ref().is_none_or(|hash| *hash == found.sha256);
            if found.bytes != document.input.bytes || !same_hash {
                let message = format!(
                    "it is not the input of this job: {}",
                    difference(
                        (found.bytes, &found.sha256),
                        (document.input.bytes, document.input.sha256.as_deref().unwrap_or_default()),
                    )
                );
                audit.add(AuditKind::ChangedFile, &at, None, message);
            }
        }
    }
    Ok(())
}

async fn artifact(
    lake: &dyn DataLake,
    document: &Document,
    named: &Named,
    at: &Location,
    books: &mut Conservation,
    audit: &mut Audit,
) -> Result<(), PipelineError> {
    let name = at.path.file_name();
    let results = [("output", Results::Output), ("error", Results::Errors), ("failed", Results::Failed)];
    let results = results
        .into_iter()
        .find(|(what, _)| name.ends_with(&document.ending(what)))
        .map(|(_, results)| results);
    // The error file of a refused input says what is wrong with the file, line by line.
    let expecting = match results {
        Some(results) if document.input.lines.is_some() => Expecting::Results(results),
        _ => Expecting::Anything,
    };
    let found = check_file(lake, at, expecting, books, |line, (kind, message)| {
        audit.add(kind, at, Some(line), message);
    });
    let Some(found) = found.await? else {
        audit.add(AuditKind::MissingFile, at, None, "the manifest names it, and it is not there");
        return Ok(());
    };
    audit.bytes += found.bytes;
    let lines = named.lines.unwrap_or(found.lines);
    if (found.bytes, found.lines, &found.sha256) != (named.bytes, lines, &named.sha256) {
        let how = difference((found.bytes, &found.sha256), (named.bytes, &named.sha256));
        let message = format!("it is not what was published: {how}, {} lines of {lines}", found.lines);
        audit.add(AuditKind::ChangedFile, at, None, message);
    }
    Ok(())
}

fn difference(found: (u64, &str), expected: (u64, &str)) -> String {
    format!("{} bytes (SHA-256 {}), expected {} ({})", found.0, found.1, expected.0, expected.1)
}

/// Files that nobody has published.
async fn strangers(
    lake: &dyn DataLake,
    directory: &Location,
    known: &BTreeSet<Location>,
    audit: &mut Audit,
) -> Result<(), PipelineError> {
    let mut entries = lake.list(directory, ListMode::Shallow);
    loop {
        let entry = match entries.try_next().await {
            Ok(Some(entry)) => entry,
            Ok(None) => break,
            // What should be in it is told already.
            Err(error) if error.is_absent() => {
                audit.add_missing_directory(directory);
                break;
            }
            Err(error) => return Err(error.into()),
        };
        let ours = entry.location.path.file_name() == MANIFEST_NAME || known.contains(&entry.location);
        if entry.kind == EntryKind::File && !ours {
            audit.add(AuditKind::StrangeFile, &entry.location, None, "the manifest does not name it");
        }
    }
    Ok(())
}

/// Whether the sums agree, and every request has its result.
fn balance(books: &Conservation, counts: &Counts, directory: &Location, audit: &mut Audit) {
    for range in books.missing() {
        let (first, last) = (*range.start(), *range.end());
        let message = match last - first {
            0 => "the request has neither output nor error".to_owned(),
            more => {
                format!("the requests {first} to {last}, {} of them, have neither output nor error", more + 1)
            }
        };
        audit.add_many(AuditKind::MissingId, last - first + 1, directory, Some(first), message);
    }
    let mut compare = |what: &str, found: u64, said: u64| {
        if found != said {
            let message = format!("{found} {what}, expected {said} as the manifest says");
            audit.add(AuditKind::WrongCount, directory, None, message);
        }
    };
    if books.is_complete() {
        compare("requests in the input", books.expected(), counts.lines);
    }
    compare("lines in the output", books.output, counts.output);
    compare("lines in the errors", books.errors, counts.error);
    compare("results in all", books.output + books.errors, counts.lines);
}
