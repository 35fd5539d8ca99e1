//! A worker's way to the service.

use aoai_batch_client::{
    Applied, Batch, BatchApi, BatchId, ContentStream, CreateBatch, CreatedBatch, DeletedFile, Error,
    ErrorKind, FileId, FileObject, FileQuery, ImportFile, Page, PageQuery, Result, Upload, UploadBody,
};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt, stream};

use crate::{
    gate::{Fault, Gate, Kind},
    service::{Refusal, Service},
    world::World,
};

pub(crate) struct SimApi(pub(crate) Gate);

impl Fault for Error {
    fn refused(world: &World, what: &'static str) -> Self {
        let error = |kind, message: &str| Self::new(kind, Applied::No, what, message);
        match world.pick(if what == "create batch" { 3 } else { 2 }) {
            0 => error(ErrorKind::Throttled, "simulated: 429")
                .with_retry_after(std::time::Duration::from_secs(20)),
            1 => error(ErrorKind::Connection, "simulated: no connection"),
            _ => error(ErrorKind::QuotaExceeded, "simulated: no room").with_code("token_limit_exceeded"),
        }
    }

    fn lost(what: &'static str) -> Self {
        Self::new(ErrorKind::Interrupted, Applied::Unknown, what, "simulated: no answer")
    }
}

fn refused(what: &'static str, refusal: Refusal) -> Error {
    match refusal {
        Refusal::NotFound => Error::new(ErrorKind::NotFound, Applied::No, what, "there is no such thing"),
        Refusal::NoInput => {
            Error::new(ErrorKind::Rejected, Applied::No, what, "the input file does not exist")
        }
    }
}

impl SimApi {
    async fn call<T: Send + 'static>(
        &self,
        what: &'static str,
        about: impl Into<String>,
        kind: Kind,
        apply: impl FnOnce(&mut Service, i64) -> std::result::Result<T, Refusal> + Send + 'static,
    ) -> Result<T> {
        let apply = move |world: &World| {
            let now = world.now_ms();
            apply(&mut world.service(), now).map_err(|refusal| refused(what, refusal))
        };
        self.0.call(what, about.into(), kind, apply).await
    }
}

fn page<T>(mut all: Vec<T>, query: &PageQuery, id: impl Fn(&T) -> &str) -> Page<T> {
    if let Some(after) = &query.after {
        let start = all.iter().position(|entry| id(entry) == after).map_or(all.len(), |at| at + 1);
        all.drain(..start);
    }
    let limit = query.limit.map_or(all.len(), |limit| limit as usize);
    let has_more = all.len() > limit;
    all.truncate(limit);
    let next = all.last().map(|entry| id(entry).to_owned()).filter(|_| has_more);
    Page { data: all, has_more, next }
}

#[async_trait]
impl BatchApi for SimApi {
    async fn upload_file(&self, upload: Upload) -> Result<FileObject> {
        let unread = |error: std::io::Error| {
            Error::new(ErrorKind::Local, Applied::Unknown, "upload file", error.to_string())
        };
        let body = match upload.body {
            UploadBody::Once { stream, .. } => stream,
            UploadBody::Replayable { open, .. } => open().await.map_err(unread)?,
        };
        let bytes: BytesMut = body.try_collect().await.map_err(unread)?;
        let (name, bytes) = (upload.filename, bytes.freeze());
        let apply = {
            let name = name.clone();
            move |service: &mut Service, now| Ok(service.upload(name, bytes, now))
        };
        self.call("upload file", name, Kind::Effect, apply).await
    }

    async fn import_file(&self, _: &ImportFile) -> Result<FileObject> {
        Err(Error::new(ErrorKind::Rejected, Applied::No, "import file", "not simulated"))
    }

    async fn get_file(&self, id: &FileId) -> Result<FileObject> {
        let file = id.clone();
        self.call("get file", &id.0, Kind::Read, move |service, now| service.file(&file, now)).await
    }

    async fn list_files(&self, query: &FileQuery) -> Result<Page<FileObject>> {
        let query = query.clone();
        let apply = move |service: &mut Service, now| {
            let mut files = service.files(now);
            files.retain(|file| query.purpose.is_none() || file.purpose == query.purpose);
            Ok(page(files, &query.page, |file| &file.id.0))
        };
        self.call("list files", "", Kind::Read, apply).await
    }

    async fn delete_file(&self, id: &FileId) -> Result<DeletedFile> {
        let file = id.clone();
        let apply = move |service: &mut Service, _| {
            Ok(if service.delete(&file) { DeletedFile::Deleted } else { DeletedFile::Absent })
        };
        self.call("delete file", &id.0, Kind::Effect, apply).await
    }

    async fn file_content(&self, id: &FileId, offset: u64) -> Result<ContentStream> {
        let file = id.clone();
        let bytes =
            self.call("get content", &id.0, Kind::Read, move |service, _| service.content(&file)).await?;
        let total = bytes.len();
        let from = usize::try_from(offset).unwrap().min(total);
        let mut parts: Vec<Result<Bytes>> = vec![Ok(bytes.slice(from..))];
        if let Some(arrived) = self.0.cut(total - from) {
            parts = vec![Ok(bytes.slice(from..from + arrived)), Err(Error::lost("get content"))];
        }
        Ok(ContentStream { total: Some(total as u64), body: stream::iter(parts).boxed() })
    }

    async fn create_batch(&self, create: &CreateBatch) -> Result<CreatedBatch> {
        let about = create.input_file_id.as_ref().map(|id| id.0.clone()).or(create.input_blob.clone());
        let create = create.clone();
        let apply = move |service: &mut Service, now| {
            Ok(CreatedBatch { batch: service.create(&create, now)?, enqueued: None })
        };
        self.call("create batch", about.unwrap_or_default(), Kind::Effect, apply).await
    }

    async fn get_batch(&self, id: &BatchId) -> Result<Batch> {
        let batch = id.clone();
        self.call("get batch", &id.0, Kind::Read, move |service, now| service.batch(&batch, now)).await
    }

    async fn list_batches(&self, query: &PageQuery) -> Result<Page<Batch>> {
        let query = query.clone();
        let apply =
            move |service: &mut Service, now| Ok(page(service.batches(now), &query, |batch| &batch.id.0));
        self.call("list batches", "", Kind::Read, apply).await
    }

    async fn cancel_batch(&self, id: &BatchId) -> Result<Batch> {
        let batch = id.clone();
        self.call("cancel batch", &id.0, Kind::Effect, move |service, now| service.cancel(&batch, now)).await
    }
}
