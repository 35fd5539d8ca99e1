//! What the probes made, written down before it is made: whatever happens in between, it can be looked for.

use std::sync::{Mutex, MutexGuard, PoisonError};

use aoai_batch_client::{Applied, BatchId, Error, FileId};

/// What there may be.
#[derive(Debug, Default)]
pub(super) struct Remains {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    files: Vec<UploadedFile>,
    batches: Vec<CreatedBatch>,
}

/// A file that was uploaded, perhaps.
#[derive(Debug, Clone)]
pub(super) struct UploadedFile {
    pub(super) name: String,
    /// None = nobody said whether it is there.
    pub(super) id: Option<FileId>,
}

/// A batch that was created, perhaps.
#[derive(Debug, Clone)]
pub(super) struct CreatedBatch {
    pub(super) input: FileId,
    /// None = nobody said whether it is there.
    pub(super) id: Option<BatchId>,
}

impl Remains {
    pub(super) fn uploading(&self, name: &str) {
        self.lock().files.push(UploadedFile { name: name.to_owned(), id: None });
    }

    pub(super) fn uploaded(&self, name: &str, id: &FileId) {
        self.lock()
            .files
            .iter_mut()
            .filter(|file| file.name == name)
            .for_each(|file| file.id = Some(id.clone()));
    }

    pub(super) fn not_uploaded(&self, name: &str, error: &Error) {
        if error.applied() == Applied::No {
            self.lock().files.retain(|file| file.name != name);
        }
    }

    pub(super) fn creating(&self, input: &FileId) {
        self.lock().batches.push(CreatedBatch { input: input.clone(), id: None });
    }

    pub(super) fn created(&self, input: &FileId, id: &BatchId) {
        let mut inner = self.lock();
        inner
            .batches
            .iter_mut()
            .filter(|batch| batch.input == *input)
            .for_each(|batch| batch.id = Some(id.clone()));
    }

    pub(super) fn not_created(&self, input: &FileId, error: &Error) {
        if error.applied() == Applied::No {
            self.lock().batches.retain(|batch| batch.input != *input || batch.id.is_some());
        }
    }

    pub(super) fn files(&self) -> Vec<UploadedFile> {
        self.lock().files.clone()
    }

    pub(super) fn batches(&self) -> Vec<CreatedBatch> {
        self.lock().batches.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
