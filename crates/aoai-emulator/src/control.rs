//! The hand on the service: look inside, move time, be "somebody else".

use std::{collections::BTreeMap, io::Cursor, sync::PoisonError, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    Books, EmulatorError, Result,
    batches::{Batch, BatchError, settle},
    books::books,
    files::FileState,
    lake,
    lake::{Address, LakeEntry, LakeError},
    server::{FaultRule, Operation},
    state::Shared,
};

/// A handle to a running [`Emulator`](crate::Emulator). Its calls leave no trace in the request counts and meet no
/// faults. The same can be had over HTTP below `/_emulator/`.
#[derive(Debug, Clone)]
pub struct Control {
    state: Shared,
}

/// All there is at a moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Virtual time in unix seconds.
    pub now: i64,
    /// Requests since the start, by operation; those that faults answered count too.
    pub requests: BTreeMap<Operation, u64>,
    /// Files, oldest first, results included, whether or not lists show them yet.
    pub files: Vec<FileSummary>,
    /// Batches, oldest first, whether or not lists show them yet.
    pub batches: Vec<BatchSummary>,
    /// Fault rules, and how many requests each has hit.
    pub faults: Vec<(FaultRule, u32)>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSummary {
    /// File id.
    pub id: String,
    /// Its name.
    pub filename: String,
    /// Its purpose.
    pub purpose: String,
    /// Its status.
    pub status: String,
    /// Its size, where known.
    pub bytes: Option<u64>,
    /// Unix seconds of its expiry.
    pub expires_at: Option<i64>,
}

/// One batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchSummary {
    /// Batch id.
    pub id: String,
    /// Its input's id.
    pub input_file_id: String,
    /// Its input's name.
    pub input_filename: String,
    /// Its status.
    pub status: String,
    /// Lines in all, done, failed.
    pub counts: [usize; 3],
    /// Its estimate of enqueued tokens, once known.
    pub tokens: Option<u64>,
}

impl Control {
    pub(crate) fn new(state: Shared) -> Self {
        Self { state }
    }

    /// Moves virtual time forward.
    pub fn advance(&self, by: Duration) {
        self.state.clock.advance(by);
    }

    /// Virtual time in unix seconds.
    pub fn now(&self) -> i64 {
        self.state.clock.now().unix_seconds()
    }

    /// How many requests of this operation came in, faults included.
    pub fn requests(&self, operation: Operation) -> u64 {
        self.state.requests().get(&operation).copied().unwrap_or(0)
    }

    /// Adds a fault rule behind those that exist.
    pub fn add_fault(&self, rule: FaultRule) {
        self.state.faults.lock().unwrap_or_else(PoisonError::into_inner).add(rule);
    }

    /// Removes all fault rules.
    pub fn clear_faults(&self) {
        self.state.faults.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Everything at once.
    pub async fn snapshot(&self) -> Snapshot {
        let batches = self.state.batches().all().to_vec();
        for batch in &batches {
            settle(&self.state, batch).await;
        }
        let now = self.state.clock.now();
        let summary = |batch: &std::sync::Arc<Batch>| {
            let moment = batch.moment(now);
            let counts = batch.counts(&moment);
            BatchSummary {
                id: batch.id.clone(),
                input_file_id: batch.input_file_id.clone(),
                input_filename: batch.input_filename.clone(),
                status: moment.status.name().to_owned(),
                counts: [batch.total(), counts.completed, counts.failed],
                tokens: batch.prepared.get().map(|prepared| prepared.tokens),
            }
        };
        let files = self
            .state
            .files()
            .all(now)
            .map(|file| FileSummary {
                id: file.id.clone(),
                filename: file.filename.clone(),
                purpose: file.purpose.clone(),
                status: file.status_at(now).name().to_owned(),
                bytes: file.body().map(|body| body.bytes),
                expires_at: file.expires_at,
            })
            .collect();
        Snapshot {
            now: now.unix_seconds(),
            requests: self.state.requests(),
            files,
            batches: batches.iter().map(summary).collect(),
            faults: self.state.faults.lock().unwrap_or_else(PoisonError::into_inner).rules(),
        }
    }

    /// What was paid for until now.
    pub async fn books(&self) -> Books {
        books(&self.state).await
    }

    /// Tokens that count against the quota of a deployment now.
    pub fn enqueued_tokens(&self, deployment: &str) -> u64 {
        self.state.batches().enqueued_tokens(deployment, self.state.clock.now())
    }

    /// Deletes a file as somebody else would.
    ///
    /// # Errors
    /// No such file.
    pub fn delete_file(&self, id: &str) -> Result<()> {
        let removed = self.state.files().remove(id);
        removed.map(drop).ok_or_else(|| EmulatorError::NotFound(format!("file {id}")))
    }

    /// Puts a file into `error`.
    ///
    /// # Errors
    /// No such file.
    pub fn fail_file(&self, id: &str, why: &str) -> Result<()> {
        let now = self.state.clock.now();
        let mut files = self.state.files();
        let file = files.get(id, now).ok_or_else(|| EmulatorError::NotFound(format!("file {id}")))?;
        let failed = FileState::Failed { body: file.body().cloned(), why: why.to_owned(), at: now };
        files.set_state(id, failed);
        Ok(())
    }

    /// Cancels a batch as somebody else would.
    ///
    /// # Errors
    /// No such batch, or it has ended.
    pub fn cancel_batch(&self, id: &str) -> Result<()> {
        let now = self.state.clock.now();
        self.steer(id, |batch| {
            batch.steer(now, |steering| {
                steering.cancelled.get_or_insert(now);
            })
        })
    }

    /// Lets a batch expire now.
    ///
    /// # Errors
    /// No such batch, or it has ended.
    pub fn expire_batch(&self, id: &str) -> Result<()> {
        let now = self.state.clock.now();
        self.steer(id, |batch| batch.steer(now, |steering| steering.expires = Some(now)))
    }

    /// Lets a batch fail now.
    ///
    /// # Errors
    /// No such batch, or it has ended.
    pub fn fail_batch(&self, id: &str, code: &str, message: &str) -> Result<()> {
        let now = self.state.clock.now();
        let error = BatchError::new(code, message);
        self.steer(id, |batch| batch.steer(now, |steering| steering.failed = Some((now, error))))
    }

    fn steer(&self, id: &str, how: impl FnOnce(&Batch) -> bool) -> Result<()> {
        let batch = self.state.batches().get(id);
        match batch {
            Some(batch) if how(&batch) => Ok(()),
            Some(_) => Err(EmulatorError::NotFound(format!("a running batch {id}: it has ended"))),
            None => Err(EmulatorError::NotFound(format!("batch {id}"))),
        }
    }

    /// Everything in a filesystem of the storage half, in order.
    ///
    /// # Errors
    /// No such account or filesystem.
    pub async fn lake_entries(&self, account: &str, filesystem: &str) -> Result<Vec<LakeEntry>> {
        lake::entries(&self.state, account, filesystem).await.map_err(in_lake)
    }

    /// Writes a file into the storage half, and makes its filesystem and directories where there are none.
    ///
    /// # Errors
    /// No such account, no such name, or there is a directory.
    pub async fn lake_put(
        &self,
        account: &str,
        filesystem: &str,
        path: &str,
        content: Vec<u8>,
    ) -> Result<()> {
        lake::ensure_filesystem(&self.state, account, filesystem).map_err(in_lake)?;
        let content = Cursor::new(content);
        let at = Address::new(account, filesystem, path).map_err(in_lake)?;
        lake::put(&self.state, &at, content).await.map_err(in_lake)
    }

    /// Deletes a filesystem of the storage half as somebody else would.
    ///
    /// # Errors
    /// No such account or filesystem.
    pub fn lake_delete_filesystem(&self, account: &str, filesystem: &str) -> Result<()> {
        lake::delete_filesystem(&self.state, account, filesystem).map_err(in_lake)
    }
}

fn in_lake(error: LakeError) -> EmulatorError {
    EmulatorError::Lake { code: error.code, message: error.message.into_owned() }
}
