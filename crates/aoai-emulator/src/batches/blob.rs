//! Batches that read from and write to a storage account (`input_blob`, `output_folder`).

use std::{io, sync::Arc};

use serde::Deserialize;

use super::{Batch, BatchError};
use crate::{
    files::{BodyWriter, StoredBody},
    lake::{Content, LakePlace},
    server::ApiError,
    state::Shared,
};

/// The largest input blob (Microsoft Learn, "Global batch limits").
const MAX_BYTES: u64 = 1 << 30;

/// `output_folder`.
#[derive(Deserialize)]
pub(super) struct OutputFolder {
    url: String,
    /// Between the folder and what is put into it; only the default is known to work everywhere.
    #[serde(default)]
    delimiter: Option<String>,
}

/// Where a batch reads and writes.
#[derive(Debug)]
pub(crate) struct BlobIo {
    pub(crate) input_url: String,
    input: LakePlace,
    /// The version that was read; none if there was no such blob.
    etag: Option<String>,
    folder: LakePlace,
    folder_url: String,
    /// The directory of this batch's results.
    guid: String,
}

impl BlobIo {
    /// Checks the addresses and reads the input, as the service's own identity.
    pub(super) async fn open(
        state: &Shared,
        input_url: String,
        folder: Option<OutputFolder>,
    ) -> Result<(Self, Option<Arc<StoredBody>>), ApiError> {
        let folder = folder.ok_or_else(|| ApiError::invalid("output_folder is required with input_blob."))?;
        if folder.delimiter.is_some_and(|delimiter| delimiter != "/") {
            return Err(ApiError::invalid("This emulator knows the delimiter '/' only."));
        }
        let place = |url: &str, what: &str| {
            LakePlace::of_url(state, url).ok_or_else(|| {
                ApiError::invalid(format!("{what} is no address of a storage account of this emulator."))
            })
        };
        let (input, folder_place) =
            (place(&input_url, "input_blob")?, place(&folder.url, "output_folder.url")?);
        let found = state.lake().open(&input.account, &input.filesystem, &input.path);
        let (etag, body) = match found {
            None => (None, None),
            Some((content, length, etag)) => {
                let disk = |error: io::Error| ApiError::internal("read the input blob", &error);
                let source = content.read(0, length.min(MAX_BYTES + 1)).await.map_err(disk)?;
                let body = BodyWriter::copied(state.body_dir(), source).await.map_err(disk)?;
                (Some(etag), Some(body))
            }
        };
        let folder_url = folder.url.trim_end_matches('/').to_owned();
        let guid = uuid::Uuid::new_v4().to_string();
        Ok((Self { input_url, input, etag, folder: folder_place, folder_url, guid }, body))
    }

    pub(super) fn input_name(&self) -> &str {
        &self.input.path
    }

    /// What is wrong with the input at once.
    pub(super) fn refusal(&self, bytes: Option<u64>) -> Option<BatchError> {
        match (&self.etag, bytes) {
            (None, _) => Some(BatchError::new(
                "input_no_permissions",
                "The input blob could not be read: it is not there, or the resource's identity may not read it.",
            )),
            (Some(_), Some(bytes)) if bytes > MAX_BYTES => {
                Some(BatchError::new("invalid_request", "The input blob is larger than 1 GB."))
            }
            _ => None,
        }
    }

    /// Whether the blob is no longer what was read.
    fn is_modified(&self, state: &Shared) -> bool {
        let now = state.lake().open(&self.input.account, &self.input.filesystem, &self.input.path);
        self.etag.is_some() && now.map(|(_, _, etag)| etag) != self.etag
    }

    /// The address of a result, whether or not it was written: the service always tells both.
    pub(crate) fn result_url(&self, name: &str) -> String {
        format!("{}/{}/{name}", self.folder_url, self.guid)
    }

    /// Writes a result; an empty one is not written.
    pub(super) async fn publish(&self, state: &Shared, name: &str, body: &StoredBody) -> io::Result<()> {
        let content = Content::create(state.body_dir()).await?;
        tokio::fs::copy(body.path(), content.path()).await?;
        let path = format!("{}/{}/{name}", self.folder.path, self.guid);
        let path = path.trim_start_matches('/');
        let put = state.lake().put(&self.folder.account, &self.folder.filesystem, path, content, body.bytes);
        put.map_err(|error| io::Error::other(error.message))
    }
}

/// When validation ends, the blob must still be what was read; looked at once.
pub(super) fn check_unmodified(state: &Shared, batch: &Batch) {
    let Some(blob) = &batch.blob else { return };
    if batch.facts(true).validated() > state.clock.now() {
        return;
    }
    batch.blob_checked.call_once(|| {
        if blob.is_modified(state) {
            let message = "The input blob was modified while the batch was validated.";
            batch.steering().refused.get_or_insert(BatchError::new("input_modified", message));
        }
    });
}
