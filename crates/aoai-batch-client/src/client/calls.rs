//! The client and its calls.

use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use serde_json::json;
use url::Url;

use super::{
    auth::{Credential, check_transport},
    content::content,
    request::{ApiForm, Urls},
    retry::{RetryOptions, date},
    send::{Body, Sender},
    upload,
};
use crate::{
    Batch, BatchApi, BatchId, BatchStatus, ContentStream, CreateBatch, CreatedBatch, DeletedFile,
    EnqueuedTokens, FileId, FileObject, FileQuery, ImportFile, Page, PageQuery, Upload,
    error::{Error, ErrorKind, Result},
};

/// Everything about a client that has a sensible default.
#[derive(Debug, Clone)]
pub struct BatchClientOptions {
    /// Form of the URLs.
    pub api: ApiForm,
    /// API version of `files/import`, which exists in the dated form only.
    pub import_api_version: String,
    /// Retries of everything but the creation of a batch.
    pub retry: RetryOptions,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long a file on its way may get no further: no byte of a download arrives, or none of an upload leaves and
    /// no answer comes.
    pub read_timeout: Duration,
    /// How long one try of a call may take that carries no file; also how long a token may take.
    pub call_timeout: Duration,
    /// A further root certificate (PEM), for tests and private gateways.
    pub root_certificate: Option<Vec<u8>>,
}

impl Default for BatchClientOptions {
    fn default() -> Self {
        Self {
            api: ApiForm::V1,
            import_api_version: "2024-10-21".into(),
            retry: RetryOptions::default(),
            connect_timeout: Duration::from_secs(20),
            read_timeout: Duration::from_secs(60),
            call_timeout: Duration::from_secs(30),
            root_certificate: None,
        }
    }
}

/// [`BatchApi`] over HTTP. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct BatchClient {
    urls: Urls,
    sender: Sender,
}

impl BatchClient {
    /// A client for an endpoint such as `https://NAME.openai.azure.com`.
    ///
    /// # Errors
    /// `Local` if the endpoint is no URL, or if the credential would travel unprotected: plain http is for loopback
    /// addresses only.
    pub fn new(endpoint: &str, credential: Credential, options: BatchClientOptions) -> Result<Self> {
        let url = Url::parse(endpoint).map_err(|error| {
            Error::without_url("new", format!("the endpoint is not a URL ({error}); expected https://…"))
        })?;
        check_transport(&url)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::local(
                "new",
                &url,
                "the endpoint holds a user name or password; use a credential",
            ));
        }
        let sender =
            Sender::new(&url, credential, &options).map_err(|message| Error::local("new", &url, message))?;
        Ok(Self { urls: Urls::new(&url, options.api, options.import_api_version), sender })
    }

    /// The endpoint, normalised: it identifies the resource.
    #[must_use]
    pub fn endpoint(&self) -> &Url {
        self.urls.base()
    }

    /// One page of batches by any query, such as `$filter` and `$orderby` of the dated previews, and when it was
    /// answered by the service's clock.
    ///
    /// What a service does with a query option that it does not know is up to it.
    ///
    /// # Errors
    /// As every call.
    pub async fn query_batches(&self, query: &[(&str, &str)]) -> Result<DatedPage> {
        let call = self.urls.query_batches(query);
        let once = || async {
            let answer = self.sender.once(&call, &Body::None).await?;
            Ok(DatedPage { page: answer.json(&call)?, date: date(&answer.headers) })
        };
        self.sender.retrying(&call, once).await
    }
}

/// A page, and when it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatedPage {
    /// The page.
    pub page: Page<Batch>,
    /// The answer's `Date`, in seconds since 1970 (UTC).
    pub date: Option<i64>,
}

#[async_trait]
impl BatchApi for BatchClient {
    async fn upload_file(&self, upload: Upload) -> Result<FileObject> {
        upload::upload(&self.sender, &self.urls.upload(), upload).await
    }

    async fn import_file(&self, import: &ImportFile) -> Result<FileObject> {
        let body =
            json!({ "purpose": "batch", "filename": import.filename, "content_url": import.content_url });
        self.sender.json(&self.urls.import(), &Body::Json(body)).await
    }

    async fn get_file(&self, id: &FileId) -> Result<FileObject> {
        self.sender.json(&self.urls.get_file(&id.0), &Body::None).await
    }

    async fn list_files(&self, query: &FileQuery) -> Result<Page<FileObject>> {
        self.sender.json(&self.urls.list_files(query), &Body::None).await
    }

    async fn delete_file(&self, id: &FileId) -> Result<DeletedFile> {
        match self.sender.call(&self.urls.delete_file(&id.0), &Body::None).await {
            Ok(_) => Ok(DeletedFile::Deleted),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(DeletedFile::Absent),
            Err(error) => Err(error),
        }
    }

    async fn file_content(&self, id: &FileId, offset: u64) -> Result<ContentStream> {
        content(&self.sender, self.urls.content(&id.0), offset).await
    }

    async fn create_batch(&self, create: &CreateBatch) -> Result<CreatedBatch> {
        let call = self.urls.create_batch();
        let body = Body::Json(create_body(create));
        let answer = self.sender.once(&call, &body).await?;
        let number = |name: &str| answer.headers.get(name)?.to_str().ok()?.trim().parse().ok();
        let enqueued = number("deployment-enqueued-tokens").map(|enqueued| EnqueuedTokens {
            enqueued,
            maximum: number("deployment-maximum-enqueued-tokens"),
        });
        Ok(CreatedBatch { batch: answer.json(&call)?, enqueued })
    }

    async fn get_batch(&self, id: &BatchId) -> Result<Batch> {
        self.sender.json(&self.urls.get_batch(&id.0), &Body::None).await
    }

    async fn list_batches(&self, query: &PageQuery) -> Result<Page<Batch>> {
        self.sender.json(&self.urls.list_batches(query), &Body::None).await
    }

    async fn cancel_batch(&self, id: &BatchId) -> Result<Batch> {
        let (cancel, get) = (&self.urls.cancel_batch(&id.0), &self.urls.get_batch(&id.0));
        let once = || async {
            match self.sender.once(cancel, &Body::None).await {
                // What the service says to cancelling an ended batch is not documented: look.
                Err(error) if matches!(error.kind(), ErrorKind::Rejected | ErrorKind::Unavailable) => {
                    let batch = self.sender.once(get, &Body::None).await.and_then(|answer| answer.json(get));
                    batch.ok().filter(is_cancelled_or_ended).ok_or(error)
                }
                answer => answer?.json(cancel),
            }
        };
        self.sender.retrying(cancel, once).await
    }
}

fn is_cancelled_or_ended(batch: &Batch) -> bool {
    batch.status.is_terminal() || batch.status == BatchStatus::Cancelling
}

fn create_body(create: &CreateBatch) -> serde_json::Value {
    #[derive(Serialize)]
    struct Expiry {
        anchor: &'static str,
        seconds: u64,
    }
    let mut body = json!({ "endpoint": create.endpoint, "completion_window": create.completion_window });
    let mut put = |key: &str, value: serde_json::Value| body[key] = value;
    if let Some(file) = &create.input_file_id {
        put("input_file_id", json!(file));
    }
    if let Some(blob) = &create.input_blob {
        put("input_blob", json!(blob));
    }
    if let Some(folder) = &create.output_folder {
        put("output_folder", json!({ "url": folder }));
    }
    if !create.metadata.is_empty() {
        put("metadata", json!(create.metadata));
    }
    if let Some(expiry) = create.output_expires_after {
        put("output_expires_after", json!(Expiry { anchor: "created_at", seconds: expiry.seconds }));
    }
    body
}
