//! What every probe works with.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, Hasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aoai_batch_client::{
    Batch, BatchApi, BatchClient, BatchId, CreateBatch, Error, ErrorKind, ExpiresAfter, FileId, FileObject,
    FileStatus, Result, Upload, endpoint_family,
};
use serde_json::json;
use time::OffsetDateTime;
use tokio::time::{Instant, sleep};

use super::{remains::Remains, report::Probe};
use crate::{args::DoctorArgs, config::Settings};

/// Lists are asked for this often.
const LIST_EVERY: Duration = Duration::from_secs(1);
/// Files and batches are asked for this often at most.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The service, and all that is known of this round of probes.
pub(super) struct Site<'a> {
    pub(super) settings: &'a Settings,
    pub(super) service: BatchClient,
    /// What everything that is made is named by.
    pub(super) name: String,
    pub(super) model: String,
    pub(super) deadline: Instant,
    pub(super) list_wait: Duration,
    pub(super) remains: Remains,
    found: Mutex<Vec<Probe>>,
}

impl<'a> Site<'a> {
    pub(super) fn new(
        settings: &'a Settings,
        service: BatchClient,
        name: String,
        model: String,
        args: &DoctorArgs,
    ) -> Self {
        Self {
            settings,
            service,
            name,
            model,
            deadline: Instant::now() + args.probe_timeout,
            list_wait: args.probe_list_wait,
            remains: Remains::default(),
            found: Mutex::default(),
        }
    }

    /// Keeps a finding, whatever happens to the probes after it.
    pub(super) fn found(&self, probe: Probe) {
        self.findings().push(probe);
    }

    /// All findings until now.
    pub(super) fn findings(&self) -> MutexGuard<'_, Vec<Probe>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// How long a list may lag for this configuration.
    pub(super) fn list_settle(&self) -> Duration {
        self.settings.pipeline.run.list_settle
    }

    /// Between two looks at a list.
    pub(super) fn list_every(&self) -> Duration {
        LIST_EVERY.min(self.settings.pipeline.run.poll_interval)
    }

    pub(super) async fn pause(&self) {
        sleep(LOOK_EVERY.min(self.settings.pipeline.run.poll_interval)).await;
    }

    /// Uploads a file of one line.
    pub(super) async fn upload(&self, part: &str) -> Result<FileObject> {
        let name = format!("{}-{part}.jsonl", self.name);
        let mut upload = Upload::from_bytes(name.clone(), self.line());
        if let Some(after) = self.settings.pipeline.service.file_expires_after {
            upload = upload.expires_after(ExpiresAfter { seconds: after.as_secs() });
        }
        self.remains.uploading(&name);
        match self.service.upload_file(upload).await {
            Ok(file) => {
                self.remains.uploaded(&name, &file.id);
                Ok(file)
            }
            Err(error) => {
                self.remains.not_uploaded(&name, &error);
                Err(error)
            }
        }
    }

    /// Waits until a batch can be created on the file; none = it never could, or not in time.
    pub(super) async fn processed(&self, id: &FileId) -> Result<Option<FileObject>> {
        loop {
            let file = self.service.get_file(id).await?;
            match file.status {
                FileStatus::Processed => return Ok(Some(file)),
                _ if file.status.is_terminal() || self.is_over() => return Ok(None),
                _ => self.pause().await,
            }
        }
    }

    /// Creates a batch on the file.
    ///
    /// Whether the same create, sent twice, makes two batches is not probed anywhere: it would pay twice on purpose,
    /// and the protocol takes for granted that it does.
    pub(super) async fn create(&self, input: &FileId, metadata: BTreeMap<String, String>) -> Result<Batch> {
        let service = &self.settings.pipeline.service;
        let create = CreateBatch {
            input_file_id: Some(input.clone()),
            endpoint: service.batch_endpoint.clone(),
            completion_window: service.completion_window.clone(),
            metadata,
            ..CreateBatch::default()
        };
        self.remains.creating(input);
        match self.service.create_batch(&create).await {
            Ok(created) => {
                self.remains.created(input, &created.batch.id);
                Ok(created.batch)
            }
            Err(error) => {
                self.remains.not_created(input, &error);
                Err(error)
            }
        }
    }

    /// The batch as it is; none where the service does not know it yet.
    pub(super) async fn batch(&self, id: &BatchId) -> Result<Option<Batch>> {
        match self.service.get_batch(id).await {
            Ok(batch) => Ok(Some(batch)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn metadata(&self) -> BTreeMap<String, String> {
        [("aob_probe".to_owned(), self.name.clone())].into()
    }

    /// The one line: it asks for as little as the endpoint allows.
    fn line(&self) -> String {
        let url = &self.settings.pipeline.service.batch_endpoint;
        let model = &self.model;
        let body = match endpoint_family(url).as_str() {
            "responses" => json!({ "model": model, "input": "Hi", "max_output_tokens": 16 }),
            "embeddings" => json!({ "model": model, "input": "Hi" }),
            "completions" => json!({ "model": model, "prompt": "Hi", "max_tokens": 1 }),
            _ => {
                let messages = [json!({ "role": "user", "content": "Hi" })];
                json!({ "model": model, "messages": messages, "max_tokens": 1 })
            }
        };
        format!("{}\n", json!({ "custom_id": self.name, "method": "POST", "url": url, "body": body }))
    }
}

/// A name that nothing else has.
pub(super) fn new_name() -> String {
    // Its keys are drawn at random: enough for a name.
    format!("aob-probe-{:016x}", RandomState::new().build_hasher().finish())
}

/// Our clock.
pub(super) fn unix_now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

/// How the service said no.
pub(super) fn said(error: &Error) -> String {
    match (error.status(), error.code()) {
        (Some(status), Some(code)) => format!("HTTP {status}, {code}"),
        (Some(status), None) => format!("HTTP {status}"),
        (None, _) => error.message().to_owned(),
    }
}
