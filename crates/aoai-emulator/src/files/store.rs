//! The index of files, and their quota.

use std::collections::{BTreeMap, HashMap};

use axum::http::StatusCode;

use super::{FileRecord, FileState};
use crate::{clock::Stamp, config::FileConfig, server::ApiError};

/// Files in order of creation.
#[derive(Debug, Default)]
pub(crate) struct FileStore {
    next: u64,
    files: BTreeMap<u64, FileRecord>,
    numbers: HashMap<String, u64>,
    buried: HashMap<String, FileRecord>,
}

impl FileStore {
    pub(crate) fn insert(&mut self, file: FileRecord) {
        self.next += 1;
        self.numbers.insert(file.id.clone(), self.next);
        self.files.insert(self.next, file);
    }

    /// Inserts a client's file if the quota has room for one more of its kind.
    pub(crate) fn admit(
        &mut self,
        file: FileRecord,
        config: &FileConfig,
        now: Stamp,
    ) -> Result<(), ApiError> {
        let expiring = file.expires_at.is_some();
        let alike = self
            .files
            .values()
            .filter(|other| {
                !other.is_result() && !other.is_expired(now) && other.expires_at.is_some() == expiring
            })
            .count();
        let (most, kind) =
            if expiring { (config.max_with_expiry, "with") } else { (config.max_without_expiry, "without") };
        if alike >= most {
            let message = format!("The quota for files {kind} expiry is reached. The maximum is {most}.");
            return Err(ApiError::new(StatusCode::BAD_REQUEST, "quotaExceeded", message));
        }
        self.insert(file);
        Ok(())
    }

    pub(crate) fn get(&self, id: &str, now: Stamp) -> Option<&FileRecord> {
        self.numbers.get(id).and_then(|number| self.files.get(number)).filter(|file| !file.is_expired(now))
    }

    /// No effect if the file is gone.
    pub(crate) fn set_state(&mut self, id: &str, state: FileState) {
        if let Some(file) = self.numbers.get(id).and_then(|number| self.files.get_mut(number)) {
            file.state = state;
        }
    }

    pub(crate) fn remove(&mut self, id: &str) -> Option<FileRecord> {
        self.numbers.remove(id).and_then(|number| self.files.remove(&number))
    }

    /// Keeps a file that was removed, for batches that do not mind.
    pub(crate) fn bury(&mut self, file: FileRecord) {
        self.buried.insert(file.id.clone(), file);
    }

    /// A file that was removed and kept.
    pub(crate) fn buried(&self, id: &str) -> Option<&FileRecord> {
        self.buried.get(id)
    }

    /// Oldest first.
    pub(crate) fn all(&self, now: Stamp) -> impl DoubleEndedIterator<Item = &FileRecord> {
        self.files.values().filter(move |file| !file.is_expired(now))
    }
}
