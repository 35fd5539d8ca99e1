//! The service: files, batches, and a bill. Nothing here waits; time comes in from outside.

mod execution;

use std::collections::BTreeMap;

use adls_io::{Location, MemoryLake};
use aoai_batch_client::{
    Batch, BatchId, BatchStatus, CreateBatch, FileId, FileObject, FileStatus, RequestCounts,
};
use batch_orchestrator::BlobUrls;
use bytes::Bytes;
use rand::{RngExt, SeedableRng, rngs::SmallRng};

use crate::{
    fate::{End, Fates, Tries, Try},
    scenario::{LIST_SETTLE, Mutation, Scenario},
    urls::SimUrls,
};

/// What becomes of a `POST` whose input was deleted: each service does one or the other, and neither bills it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnDeleted {
    Refuses,
    MakesABatchThatFails,
}

pub(crate) struct Service {
    /// Where it has a hand in.
    lake: MemoryLake,
    files: BTreeMap<FileId, File>,
    batches: Vec<Running>,
    chance: SmallRng,
    on_deleted: OnDeleted,
    mutation: Mutation,
    expiring: bool,
    seed: u64,
    fates: Fates,
    tries: Tries,
    skew_ms: i64,
    next: u64,
}

pub(crate) struct File {
    pub(crate) name: String,
    bytes: Bytes,
    pub(crate) created_ms: i64,
    processed_ms: i64,
    deleted: bool,
    result: bool,
}

/// A batch, and what will become of it.
struct Running {
    shown: Batch,
    listed_ms: i64,
    start_ms: i64,
    end_ms: i64,
    input: Input,
    /// Where its results go, if not into files.
    folder: Option<Location>,
    /// What it has read of its input; some read when they are made.
    read: Option<Bytes>,
    /// It was made of an input that was gone.
    doomed: bool,
    /// The service does not know it before it is listed.
    unknown_at_first: bool,
    end: End,
    /// How the lines fare that it has got to so far.
    tried: Vec<Try>,
    /// Its end is wanted, and it gets to its own before.
    races: bool,
    /// Why it fails when it starts, if so.
    fails: Option<&'static str>,
}

enum Input {
    File(FileId),
    Blob(Location),
}

/// A call that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    NotFound,
    NoInput,
}

impl Service {
    pub(crate) fn new(scenario: &Scenario, lake: MemoryLake) -> Self {
        let mut chance = SmallRng::seed_from_u64(scenario.seed ^ 0x5e2);
        let on_deleted = if chance.random() { OnDeleted::Refuses } else { OnDeleted::MakesABatchThatFails };
        Self {
            lake,
            files: BTreeMap::new(),
            batches: Vec::new(),
            chance,
            on_deleted,
            mutation: scenario.mutation,
            expiring: scenario.expiring,
            seed: scenario.seed,
            fates: scenario.fates,
            tries: Tries::default(),
            skew_ms: scenario.skew_ms,
            next: 0,
        }
    }

    fn end_of(&mut self, number: u64) -> End {
        if self.expiring && number.is_multiple_of(2) {
            return End::Expired;
        }
        match self.fates.rough && self.chance.random::<f64>() < 0.15 {
            true => End::Cancelled { told: self.chance.random() },
            false => End::Completed,
        }
    }

    fn failure(&mut self) -> Option<&'static str> {
        let drawn = self.chance.random::<f64>();
        match drawn {
            _ if drawn < 0.05 => Some("token_limit_exceeded"),
            _ if self.fates.rough && drawn < 0.15 => Some("server_error"),
            _ => None,
        }
    }

    /// A result file that somebody has deleted.
    pub(crate) fn deleted_result(&self) -> Option<String> {
        self.files.values().find(|file| file.result && file.deleted).map(|file| file.name.clone())
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn up_to(&mut self, most_ms: i64) -> i64 {
        self.chance.random_range(0..=most_ms)
    }

    pub(crate) fn upload(&mut self, name: String, bytes: Bytes, now_ms: i64) -> FileObject {
        let processed_ms = now_ms + self.up_to(30_000);
        self.add(
            File { name, bytes, created_ms: now_ms, processed_ms, deleted: false, result: false },
            now_ms,
        )
    }

    fn add(&mut self, file: File, now_ms: i64) -> FileObject {
        let id = FileId(format!("file-{:04}", self.number()));
        let object = self.object(&id, &file, now_ms);
        self.files.insert(id, file);
        object
    }

    fn object(&self, id: &FileId, file: &File, now_ms: i64) -> FileObject {
        let processed = file.processed_ms <= now_ms;
        FileObject {
            id: id.clone(),
            filename: Some(file.name.clone()),
            bytes: Some(file.bytes.len() as u64),
            purpose: Some(if file.result { "batch_output" } else { "batch" }.to_owned()),
            status: if processed { FileStatus::Processed } else { FileStatus::Pending },
            status_details: None,
            created_at: Some((file.created_ms + self.skew_ms).div_euclid(1000)),
            expires_at: None,
        }
    }

    pub(crate) fn file(&self, id: &FileId, now_ms: i64) -> Result<FileObject, Refusal> {
        let file = self.files.get(id).filter(|file| !file.deleted).ok_or(Refusal::NotFound)?;
        Ok(self.object(id, file, now_ms))
    }

    /// Newest first.
    pub(crate) fn files(&self, now_ms: i64) -> Vec<FileObject> {
        let there = self.files.iter().rev().filter(|(_, file)| !file.deleted);
        there.map(|(id, file)| self.object(id, file, now_ms)).collect()
    }

    /// Whether it was there.
    pub(crate) fn delete(&mut self, id: &FileId) -> bool {
        let file = self.files.get_mut(id).filter(|file| !file.deleted);
        file.map(|file| file.deleted = true).is_some()
    }

    pub(crate) fn content(&self, id: &FileId) -> Result<Bytes, Refusal> {
        let file = self.files.get(id).filter(|file| !file.deleted).ok_or(Refusal::NotFound)?;
        Ok(file.bytes.clone())
    }

    pub(crate) fn create(&mut self, create: &CreateBatch, now_ms: i64) -> Result<Batch, Refusal> {
        let blob = create.input_blob.as_deref().map(|url| SimUrls.locate(url).map(Input::Blob));
        let input = create.input_file_id.clone().map(Input::File).or(blob.flatten());
        let input = input.ok_or(Refusal::NoInput)?;
        let found = self.input_bytes(&input);
        let gone = found.is_none();
        if gone && self.on_deleted == OnDeleted::Refuses {
            return Err(Refusal::NoInput);
        }
        let number = self.number();
        let shown = Batch {
            id: BatchId(format!("batch-{number:04}")),
            status: BatchStatus::Validating,
            endpoint: Some(create.endpoint.clone()),
            input_file_id: create.input_file_id.clone(),
            output_file_id: None,
            error_file_id: None,
            input_blob: create.input_blob.clone(),
            output_blob: None,
            error_blob: None,
            created_at: Some((now_ms + self.skew_ms).div_euclid(1000)),
            in_progress_at: None,
            ended_at: None,
            expires_at: None,
            request_counts: RequestCounts::default(),
            usage: None,
            errors: Vec::new(),
            metadata: create.metadata.clone(),
            model: None,
        };
        let start_ms = now_ms + self.up_to(120_000);
        let lag = i64::try_from(LIST_SETTLE.as_millis()).unwrap() - 1000;
        let lag = if self.chance.random::<f64>() < 0.5 { 0 } else { self.up_to(lag) };
        let end_ms = start_ms + 60_000 + self.up_to(40 * 60_000);
        let batch = Running {
            shown: shown.clone(),
            listed_ms: now_ms + lag,
            start_ms,
            end_ms,
            input,
            folder: create.output_folder.as_deref().and_then(|url| SimUrls.locate(url)),
            read: found.filter(|_| self.chance.random()),
            doomed: gone,
            unknown_at_first: self.chance.random(),
            end: self.end_of(number),
            tried: Vec::new(),
            races: false,
            fails: self.failure(),
        };
        self.batches.push(batch);
        Ok(shown)
    }

    /// What can be read of an input: a fence that does nothing lets whoever knows the id go on reading.
    fn input_bytes(&self, input: &Input) -> Option<Bytes> {
        match input {
            Input::File(id) => {
                let file = self.files.get(id)?;
                (!file.deleted || self.mutation == Mutation::NoFence).then(|| file.bytes.clone())
            }
            Input::Blob(at) => self.lake.bytes(at).filter(|bytes| !bytes.is_empty()),
        }
    }

    pub(crate) fn batch(&self, id: &BatchId, now_ms: i64) -> Result<Batch, Refusal> {
        let batch = self.batches.iter().find(|batch| batch.shown.id == *id);
        // What the lists do not show yet may be unknown altogether.
        let batch = batch.filter(|batch| batch.listed_ms <= now_ms || !batch.unknown_at_first);
        batch.map(|batch| batch.shown.clone()).ok_or(Refusal::NotFound)
    }

    /// Newest first.
    pub(crate) fn batches(&self, now_ms: i64) -> Vec<Batch> {
        let hidden = self.mutation == Mutation::NoAdoption;
        let shown = self.batches.iter().rev().filter(|batch| !hidden && batch.listed_ms <= now_ms);
        shown.map(|batch| batch.shown.clone()).collect()
    }

    pub(crate) fn cancel(&mut self, id: &BatchId, now_ms: i64) -> Result<Batch, Refusal> {
        let at = self.batches.iter().position(|batch| batch.shown.id == *id).ok_or(Refusal::NotFound)?;
        let status = self.batches[at].shown.status.clone();
        if matches!(status, BatchStatus::Validating | BatchStatus::InProgress) {
            let (told, races) = (self.chance.random(), self.chance.random::<f64>() < 0.15);
            let end_ms = now_ms + self.up_to(10 * 60_000);
            let batch = &mut self.batches[at];
            batch.shown.status = BatchStatus::Cancelling;
            batch.races = races && status == BatchStatus::InProgress;
            batch.end_ms = end_ms;
            if !batch.races {
                batch.end = End::Cancelled { told };
            }
        }
        Ok(self.batches[at].shown.clone())
    }

    /// The files that are left, inputs and results.
    pub(crate) fn left(&self) -> impl Iterator<Item = (&FileId, &File)> {
        self.files.iter().filter(|(_, file)| !file.deleted)
    }
}
