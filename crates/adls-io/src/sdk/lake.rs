//! The lake in a storage account, by the legacy crate.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use futures::{
    FutureExt, StreamExt,
    stream::{self, BoxStream},
};

use super::{client::SdkClient, list, read};
use crate::{
    AzureCredential, AzureLakeOptions, DataLake, Deleted, ETag, Entry, Error, LakeWriter, ListMode, Location,
    ReadOptions, ReadStream, RenameOptions, Result,
    azure::{delete, dfs::Dfs, namespace::Namespaces, rename, write},
};

/// A storage account with hierarchical namespace, by the crate `azure_storage_datalake` 0.21: the same behaviour as
/// [`AzureLake`](crate::AzureLake), for differential tests and for those who must use that crate. Prefer `AzureLake`.
///
/// Clones share their connections. The crate has not been maintained since 2024; this is what is done about its
/// defects here:
///
/// * Its HTTP client has no timeouts and keeps no connection: ours is put under it, with the limits of
///   [`AzureLakeOptions`], no redirects, and no proxy on the way to this machine.
/// * Names are pasted into addresses unescaped (`q?x` would create `q`): they are percent-encoded before.
/// * A rename's source is encoded as a form is, has the endpoint's path in it, must lie in the same filesystem and can
///   have no condition: the header is replaced, the condition added.
/// * `delete().await` never returns: deletes go over `into_stream`.
/// * Every read has a range (refused for an empty file), and its bytes are gathered in memory: a look goes first, and
///   a file is read in ranges of 4 MiB, each bound to the version that was seen.
/// * The listing of a directory puts the filesystem's name before the path, and none can go on from a page: the
///   filesystem's is used, page by page.
/// * The answer to a look does not say whether it is a directory: that is taken from the headers below the crate.
/// * Requests are repeated blindly, and what a lost answer had done is reported as a failure: its retries are off,
///   ours know what may be repeated and recognise their own rename by the version.
/// * Answers without `Server`, `Date`, `x-ms-version`, or with a request id that is no UUID are refused: they are
///   filled in.
/// * Keys go over plain http without complaint, and the identities of its time are broken: the credentials of this
///   crate are used, with the same checks.
///
/// What cannot be mended from outside: a read costs a look first and holds a range in memory; a listing whose entries
/// lack owner, group, permissions, date or version cannot be read; its log at the levels `debug` and `trace` (targets
/// `azure_core` and `azure_storage`) shows requests with what authorises them, so keep those off; the protocol's version
/// is 2022-11-02; and its dependencies have open advisories.
#[derive(Clone)]
pub struct SdkLake {
    client: Arc<SdkClient>,
    namespaces: Arc<Namespaces>,
}

impl fmt::Debug for SdkLake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SdkLake").field("endpoint", &self.client.endpoint).finish_non_exhaustive()
    }
}

impl SdkLake {
    /// A lake at a DFS endpoint such as `https://ACCOUNT.dfs.core.windows.net`; a path in it is kept as a prefix
    /// (`http://127.0.0.1:10004/devstoreaccount1`), though not in a rename's source, where the crate would put it.
    /// Nothing is sent yet. Tokens are asked for before each request: the credential should keep them, as those of
    /// `azure_identity` do.
    ///
    /// # Errors
    /// `Invalid`: the endpoint cannot be read, the credential cannot be right, or it would travel in the clear (keys
    /// and SAS go over plain http to loopback only, tokens over https only; the crate itself would send them anyhow).
    pub fn new(endpoint: &str, credential: AzureCredential, options: AzureLakeOptions) -> Result<Self> {
        Ok(Self {
            client: Arc::new(SdkClient::new(endpoint, credential, options)?),
            namespaces: Arc::default(),
        })
    }
}

#[async_trait]
impl DataLake for SdkLake {
    fn list(&self, directory: &Location, mode: ListMode) -> BoxStream<'static, Result<Entry>> {
        let (lake, directory) = (self.clone(), directory.clone());
        async move {
            match lake.namespaces.check(lake.client.as_ref(), &directory.filesystem).await {
                Ok(()) => list::list(lake.client, directory, mode),
                Err(error) => stream::iter([Err(Error { operation: "list", ..error })]).boxed(),
            }
        }
        .flatten_stream()
        .boxed()
    }

    async fn head(&self, at: &Location) -> Result<Entry> {
        self.client.head("head", at).await
    }

    async fn read(&self, at: &Location, options: ReadOptions) -> Result<ReadStream> {
        read::read(self.client.clone(), at, options).await
    }

    async fn create(&self, at: &Location) -> Result<Box<dyn LakeWriter>> {
        Ok(Box::new(write::create(self.client.clone(), at).await?))
    }

    async fn rename(&self, from: &Location, to: &Location, options: RenameOptions) -> Result<ETag> {
        rename::rename(self.client.as_ref(), from, to, &options).await
    }

    async fn delete(&self, at: &Location, if_match: Option<ETag>) -> Result<Deleted> {
        delete::delete(self.client.as_ref(), at, if_match.as_ref()).await
    }

    async fn delete_directory(&self, at: &Location) -> Result<Deleted> {
        delete::delete_directory(self.client.as_ref(), at).await
    }

    async fn ensure_filesystem(&self, name: &str) -> Result<()> {
        self.namespaces.ensure(self.client.as_ref(), name).await
    }
}
