//! Listing the input directory: one recursive list call, page by page.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use adls_io::{DataLake, ETag, Entry, EntryKind, ErrorKind, ListMode, Location};
use futures::StreamExt;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::Layout;
use crate::{
    error::PipelineError,
    model::{InputSnapshot, Timestamp},
    options::LakeOptions,
};

/// A path that was passed over, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Where.
    pub path: String,
    /// Why.
    pub reason: SkippedReason,
}

/// Why a path was passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SkippedReason {
    /// It changed within the settle time: somebody may still be writing it.
    StillChanging,
    /// It is named like an input file but is a directory.
    Directory,
    /// The listing failed there.
    Unreadable(String),
}

impl SkippedReason {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::StillChanging => "write elsewhere and rename into the input directory, or run again later",
            Self::Directory => "its files are taken one by one; rename it if that surprises you",
            Self::Unreadable(_) => "give this user (or identity) the right to read there",
        }
    }
}

/// Decides which files are at rest: unchanged for the settle time, by the lake's clock or over two listings.
#[derive(Debug)]
pub struct Watcher {
    settle_time: Duration,
    include: GlobSet,
    /// Those of the globs that say more of a name than "any": a directory that they match has a file's name.
    telling: GlobSet,
    first_seen: HashMap<Location, (ETag, u64, Timestamp)>,
}

impl Watcher {
    /// A watcher for these globs.
    ///
    /// # Errors
    /// `Options` for a glob that cannot be read.
    pub fn new(include: &[String], settle_time: Duration) -> Result<Self, PipelineError> {
        let (mut globs, mut telling) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        for pattern in include {
            let glob = GlobBuilder::new(pattern)
                .literal_separator(true)
                .build()
                .map_err(|error| PipelineError::Options(format!("lake.include: {error}")))?;
            let last = pattern.rsplit('/').next().unwrap_or_default();
            if last.chars().any(|c| !matches!(c, '*' | '?')) {
                telling.add(glob.clone());
            }
            globs.add(glob);
        }
        let build = |globs: &GlobSetBuilder| {
            globs.build().map_err(|error| PipelineError::Options(format!("lake.include: {error}")))
        };
        let (include, telling) = (build(&globs)?, build(&telling)?);
        Ok(Self { settle_time, include, telling, first_seen: HashMap::new() })
    }

    fn is_settled(&mut self, entry: &Entry, now: Timestamp) -> bool {
        let seen = (entry.etag.clone(), entry.size);
        let first =
            self.first_seen.entry(entry.location.clone()).or_insert_with(|| (seen.0.clone(), seen.1, now));
        if (&first.0, first.1) != (&seen.0, seen.1) {
            *first = (seen.0, seen.1, now);
        }
        let unchanged_over_listings = now.since(first.2) >= self.settle_time;
        // A modification time in the future (clocks differ) settles by listings alone.
        let old = entry.modified_ms <= now.0 && now.since(Timestamp(entry.modified_ms)) >= self.settle_time;
        unchanged_over_listings || old
    }
}

/// Lists the inputs that are at rest, and what was passed over.
pub(crate) async fn scan(
    lake: &dyn DataLake,
    options: &LakeOptions,
    layout: &Layout,
    watcher: &mut Watcher,
    now: Timestamp,
) -> Result<(Vec<InputSnapshot>, Vec<Skipped>), PipelineError> {
    let mode = if options.recursive { ListMode::Recursive } else { ListMode::Shallow };
    let mut entries = lake.list(&options.input, mode);
    let (mut inputs, mut skipped, mut present) = (Vec::new(), Vec::new(), HashSet::new());
    while let Some(entry) = entries.next().await {
        let entry = match entry {
            Ok(entry) => entry,
            // One unreadable directory or impossible name does not hide the rest.
            Err(error)
                if matches!(error.kind, ErrorKind::PermissionDenied | ErrorKind::Invalid)
                    && error.subject != options.input.to_string() =>
            {
                let reason = SkippedReason::Unreadable(error.message.clone());
                skipped.push(Skipped { path: error.subject, reason });
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let Some(relative) = entry.location.path.relative_to(&options.input.path) else { continue };
        if !watcher.include.is_match(relative.as_str()) || layout.is_ours(&entry.location) {
            continue;
        }
        let path = entry.location.to_string();
        if entry.kind == EntryKind::Directory {
            if watcher.telling.is_match(relative.as_str()) {
                skipped.push(Skipped { path, reason: SkippedReason::Directory });
            }
        } else {
            if watcher.is_settled(&entry, now) {
                inputs.push(InputSnapshot {
                    location: entry.location.clone(),
                    etag: entry.etag,
                    size: entry.size,
                    modified_ms: entry.modified_ms,
                });
            } else {
                skipped.push(Skipped { path, reason: SkippedReason::StillChanging });
            }
            present.insert(entry.location);
        }
    }
    watcher.first_seen.retain(|location, _| present.contains(location));
    Ok((inputs, skipped))
}
