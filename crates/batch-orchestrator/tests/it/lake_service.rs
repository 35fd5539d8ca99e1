//! The service with hands in the lake: imports from it, reads inputs from it and writes results to it. A wrapper
//! around the emulator, which has none of that.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use adls_io::{Condition, DataLake, DataLakeExt, LakePath, Location};
use aoai_batch_client::{
    Batch, BatchApi, BatchApiExt, BatchError, BatchId, BatchStatus, ContentStream, CreateBatch, CreatedBatch,
    DeletedFile, FileId, FileObject, FileQuery, FileStatus, ImportFile, Page, PageQuery, RequestCounts,
    Upload,
};
use async_trait::async_trait;
use batch_orchestrator::BlobUrls;
use bytes::Bytes;
use futures::TryStreamExt;

/// What no log, error, event, ledger or lake may ever show.
pub(crate) const SECRET: &str = "s3cret-signature";
/// The names of the inputs that stand for blobs at the emulator.
const HIDDEN: &str = "blob-";

/// The blobs of a lake in memory.
#[derive(Debug)]
pub(crate) struct MemUrls;

impl BlobUrls for MemUrls {
    fn content_url(&self, at: &Location) -> String {
        format!("{}?sv=1&sig={SECRET}", self.blob_url(at))
    }

    fn blob_url(&self, at: &Location) -> String {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte);
        let encoded =
            |byte: u8| if plain(byte) { (byte as char).to_string() } else { format!("%{byte:02X}") };
        format!("mem://lake/{}", at.to_string().bytes().map(encoded).collect::<String>())
    }

    fn locate(&self, url: &str) -> Option<Location> {
        let path = url.split('?').next()?.strip_prefix("mem://lake/")?;
        let mut bytes = Vec::new();
        let mut rest = path.bytes();
        while let Some(byte) = rest.next() {
            let mut digit = || (rest.next()? as char).to_digit(16);
            bytes.push(if byte == b'%' { u8::try_from(digit()? * 16 + digit()?).ok()? } else { byte });
        }
        let text = String::from_utf8(bytes).ok()?;
        let (filesystem, path) = text.split_once('/')?;
        Some(Location::new(filesystem, LakePath::parse(path).ok()?))
    }
}

/// What goes wrong, and what was seen.
#[derive(Default)]
pub(crate) struct Script {
    /// So many imports end in a file of status `error`.
    pub(crate) failing_imports: u32,
    /// So many imports get only half of the bytes.
    pub(crate) cut_imports: u32,
    /// Somebody writes these bytes there just before the service reads…
    pub(crate) replace_before_import: Option<(Location, String)>,
    /// … or just after.
    pub(crate) replace_after_import: Option<(Location, String)>,
    /// So many batches of blobs fail with this code.
    pub(crate) failing_batches: (u32, &'static str),
    /// Changes what is told of a batch of blobs.
    pub(crate) tamper: Option<fn(&mut Batch)>,
    /// Result blobs with this in their name are not written.
    pub(crate) unwritten: Option<&'static str>,
    /// What was imported.
    pub(crate) imported: Vec<(Location, Bytes)>,
    /// What was created, as it was asked for.
    pub(crate) created: Vec<CreateBatch>,
}

/// The wrapper; clones are one service. It works in tasks of its own: a service goes on with what it was asked for,
/// whoever still listens.
#[derive(Clone)]
pub(crate) struct LakeService {
    inner: Arc<dyn BatchApi>,
    lake: Arc<dyn DataLake>,
    pub(crate) script: Arc<Mutex<Script>>,
    /// By the input at the emulator.
    batches: Arc<tokio::sync::Mutex<HashMap<FileId, BlobBatch>>>,
    broken: Arc<Mutex<HashMap<FileId, String>>>,
    number: Arc<AtomicU32>,
}

struct BlobBatch {
    input: String,
    folder: String,
    number: u32,
    failure: Option<&'static str>,
    written: bool,
}

type Api<T> = aoai_batch_client::Result<T>;

impl LakeService {
    pub(crate) fn new(inner: Arc<dyn BatchApi>, lake: Arc<dyn DataLake>) -> Self {
        Self {
            inner,
            lake,
            script: Arc::default(),
            batches: Arc::default(),
            broken: Arc::default(),
            number: Arc::default(),
        }
    }

    async fn read(&self, url: &str) -> Option<Bytes> {
        self.lake.read_all(&MemUrls.locate(url)?, u64::MAX).await.ok()
    }

    async fn write(&self, at: &Location, bytes: Bytes) {
        self.lake.write_all(at, bytes, Condition::Always).await.unwrap();
    }

    /// Some refusal of the emulator's, for what cannot be read.
    async fn refusal(&self) -> aoai_batch_client::Error {
        let nonsense = CreateBatch {
            input_file_id: Some(FileId("none".into())),
            endpoint: "/nonsense".into(),
            ..CreateBatch::default()
        };
        self.inner.create_batch(&nonsense).await.unwrap_err()
    }

    async fn import(self, import: ImportFile) -> Api<FileObject> {
        assert!(import.content_url.contains(SECRET), "the service needs the SAS");
        let before = self.script.lock().unwrap().replace_before_import.take();
        if let Some((at, text)) = before {
            self.write(&at, text.into()).await;
        }
        let Some(mut bytes) = self.read(&import.content_url).await else { return Err(self.refusal().await) };
        let after = self.script.lock().unwrap().replace_after_import.take();
        if let Some((at, text)) = after {
            self.write(&at, text.into()).await;
        }
        let (fails, cut) = {
            let mut script = self.script.lock().unwrap();
            script.imported.push((MemUrls.locate(&import.content_url).unwrap(), bytes.clone()));
            (take_one(&mut script.failing_imports), take_one(&mut script.cut_imports))
        };
        if cut {
            bytes.truncate(bytes.len() / 2);
        }
        let file = self.inner.upload_file(Upload::from_bytes(import.filename, bytes)).await?;
        if fails {
            let why = format!("cannot read {}: 403", import.content_url);
            self.broken.lock().unwrap().insert(file.id.clone(), why);
        }
        Ok(FileObject { bytes: Some(0), status: FileStatus::Unknown("pending".into()), ..file })
    }

    async fn create(self, create: CreateBatch) -> Api<CreatedBatch> {
        self.script.lock().unwrap().created.push(create.clone());
        let Some(url) = create.input_blob.clone() else { return self.inner.create_batch(&create).await };
        assert!(create.metadata.is_empty(), "the service refuses metadata with blobs");
        let folder = create.output_folder.clone().expect("the service needs an output folder");
        assert!(!format!("{create:?}").contains('?'), "blob URLs carry no secret");
        let Some(bytes) = self.read(&url).await else { return Err(self.refusal().await) };
        let number = self.number.fetch_add(1, Ordering::SeqCst);
        let input =
            self.inner.upload_file(Upload::from_bytes(format!("{HIDDEN}{number}.jsonl"), bytes)).await?.id;
        let failure = {
            let mut script = self.script.lock().unwrap();
            let code = script.failing_batches.1;
            take_one(&mut script.failing_batches.0).then_some(code)
        };
        let batch = BlobBatch { input: url, folder, number, failure, written: false };
        self.batches.lock().await.insert(input.clone(), batch);
        let inner = CreateBatch {
            input_file_id: Some(input.clone()),
            input_blob: None,
            output_folder: None,
            ..create
        };
        match self.inner.create_batch(&inner).await {
            Ok(created) => Ok(CreatedBatch { batch: self.present(created.batch).await?, ..created }),
            Err(error) => {
                let all: Vec<_> = self.inner.batches(PageQuery::default()).try_collect().await?;
                if all.iter().all(|batch| batch.input_file_id.as_ref() != Some(&input)) {
                    self.inner.delete_file(&input).await?;
                }
                Err(error)
            }
        }
    }

    /// A batch as the service shows it; one that has ended has written its results.
    async fn present(&self, mut batch: Batch) -> Api<Batch> {
        let mut batches = self.batches.lock().await;
        let key = batch.input_file_id.clone();
        let Some((input, entry)) = key.and_then(|key| Some((key.clone(), batches.get_mut(&key)?))) else {
            return Ok(batch);
        };
        let results =
            [("results.jsonl", batch.output_file_id.take()), ("errors.jsonl", batch.error_file_id.take())];
        if batch.status.is_terminal() && !std::mem::replace(&mut entry.written, true) {
            for (name, file) in results {
                let Some(file) = file else { continue };
                let unwritten = self.script.lock().unwrap().unwritten;
                if entry.failure.is_none() && unwritten.is_none_or(|part| !name.contains(part)) {
                    let content = self.inner.file_content(&file, 0).await?;
                    let bytes: Vec<Bytes> = content.body.try_collect().await?;
                    let at = MemUrls.locate(&format!("{}/{}/{name}", entry.folder, entry.number)).unwrap();
                    self.write(&at, bytes.concat().into()).await;
                }
                self.inner.delete_file(&file).await?;
            }
            self.inner.delete_file(&input).await?;
        }
        if let Some(code) = entry.failure.filter(|_| batch.status.is_terminal()) {
            batch.status = BatchStatus::Failed;
            batch.request_counts = RequestCounts::default();
            let message = "as the test wants it".into();
            batch.errors = vec![BatchError { code: Some(code.into()), message, line: None, param: None }];
        }
        batch.input_file_id = None;
        batch.input_blob = Some(entry.input.clone());
        batch.output_blob = Some(format!("{}/{}/results.jsonl", entry.folder, entry.number));
        batch.error_blob = Some(format!("{}/{}/errors.jsonl", entry.folder, entry.number));
        if let Some(tamper) = self.script.lock().unwrap().tamper {
            tamper(&mut batch);
        }
        Ok(batch)
    }
}

fn take_one(count: &mut u32) -> bool {
    let some = *count > 0;
    *count = count.saturating_sub(1);
    some
}

#[async_trait]
impl BatchApi for LakeService {
    async fn upload_file(&self, upload: Upload) -> Api<FileObject> {
        self.inner.upload_file(upload).await
    }
    async fn import_file(&self, import: &ImportFile) -> Api<FileObject> {
        let work = self.clone().import(import.clone());
        tokio::spawn(work).await.unwrap()
    }
    async fn get_file(&self, id: &FileId) -> Api<FileObject> {
        let mut file = self.inner.get_file(id).await?;
        if let Some(why) = self.broken.lock().unwrap().get(id) {
            file.status = FileStatus::Error;
            file.status_details = Some(why.clone());
        }
        Ok(file)
    }
    async fn list_files(&self, query: &FileQuery) -> Api<Page<FileObject>> {
        let mut page = self.inner.list_files(query).await?;
        page.data.retain(|file| file.filename.as_deref().is_none_or(|name| !name.starts_with(HIDDEN)));
        Ok(page)
    }
    async fn delete_file(&self, id: &FileId) -> Api<DeletedFile> {
        self.inner.delete_file(id).await
    }
    async fn file_content(&self, id: &FileId, offset: u64) -> Api<ContentStream> {
        self.inner.file_content(id, offset).await
    }
    async fn create_batch(&self, create: &CreateBatch) -> Api<CreatedBatch> {
        let work = self.clone().create(create.clone());
        tokio::spawn(work).await.unwrap()
    }
    async fn get_batch(&self, id: &BatchId) -> Api<Batch> {
        let (service, id) = (self.clone(), id.clone());
        tokio::spawn(async move { service.present(service.inner.get_batch(&id).await?).await }).await.unwrap()
    }
    async fn list_batches(&self, query: &PageQuery) -> Api<Page<Batch>> {
        let (service, query) = (self.clone(), query.clone());
        let work = async move {
            let mut page = service.inner.list_batches(&query).await?;
            for batch in &mut page.data {
                *batch = service.present(batch.clone()).await?;
            }
            Ok(page)
        };
        tokio::spawn(work).await.unwrap()
    }
    async fn cancel_batch(&self, id: &BatchId) -> Api<Batch> {
        self.present(self.inner.cancel_batch(id).await?).await
    }
}
