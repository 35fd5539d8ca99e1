//! The lake in a storage account.

use std::sync::Arc;

use async_trait::async_trait;
use futures::{
    FutureExt, StreamExt,
    stream::{self, BoxStream},
};

use super::{
    AzureCredential, AzureLakeOptions, client::Client, delete, dfs::Dfs, list, namespace::Namespaces, read,
    rename, write,
};
use crate::{
    DataLake, Deleted, ETag, Entry, Error, LakeWriter, ListMode, Location, ReadOptions, ReadStream,
    RenameOptions, Result,
};

/// A storage account with hierarchical namespace (ADLS Gen2), over its DFS endpoint.
///
/// Clones share their connections. Reading and writing are streamed: a read holds one network buffer, a writer at most
/// three blocks ([`AzureLakeOptions::block_bytes`]). A file is written under a temporary name beside its own
/// (`.aoai-tmp-…`, which listings leave out) and renamed when it is complete; a crash leaves such a file behind, for
/// [`ListMode::Unfinished`] to find.
///
/// Requests are repeated where that is safe or where a repetition can be told from the outcome: a rename that was
/// carried out though its answer was lost is recognised by the version, which a rename keeps.
#[derive(Debug, Clone)]
pub struct AzureLake {
    client: Arc<Client>,
    namespaces: Arc<Namespaces>,
}

/// What a filesystem's properties say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilesystemInfo {
    /// Whether the account has a hierarchical namespace; `None` where the service does not say.
    pub hierarchical_namespace: Option<bool>,
}

impl AzureLake {
    /// A lake at a DFS endpoint such as `https://ACCOUNT.dfs.core.windows.net`; a path in it is kept as a prefix
    /// (`http://127.0.0.1:10004/devstoreaccount1`). Nothing is sent yet.
    ///
    /// # Errors
    /// `Invalid`: the endpoint cannot be read, the credential cannot be right, or it would travel in the clear (keys
    /// and SAS go over plain http to loopback only, tokens over https only).
    pub fn new(endpoint: &str, credential: AzureCredential, options: AzureLakeOptions) -> Result<Self> {
        Ok(Self { client: Arc::new(Client::new(endpoint, credential, options)?), namespaces: Arc::default() })
    }

    /// The address of a file on the blob endpoint, without any secret: what other services are told.
    #[must_use]
    pub fn blob_url(&self, at: &Location) -> String {
        self.client.endpoint.blob(at).into()
    }

    /// The location that an address of this account names, on the blob or the DFS endpoint; `None` for any other.
    #[must_use]
    pub fn locate(&self, url: &str) -> Option<Location> {
        self.client.endpoint.locate(url)
    }

    /// Looks at a filesystem.
    ///
    /// # Errors
    /// `NoFilesystem`, `PermissionDenied`, `Unavailable`.
    pub async fn filesystem(&self, name: &str) -> Result<FilesystemInfo> {
        Ok(FilesystemInfo { hierarchical_namespace: self.client.namespace(name).await? })
    }

    /// Refuses an account without hierarchical namespace; looks once for each filesystem.
    ///
    /// # Errors
    /// `Invalid`: the account has none. `NoFilesystem`, `Unavailable`. Where the credential may not look at the
    /// filesystem itself, the operations in it will tell.
    pub async fn check(&self, name: &str) -> Result<()> {
        self.namespaces.check(self.client.as_ref(), name).await
    }
}

#[async_trait]
impl DataLake for AzureLake {
    fn list(&self, directory: &Location, mode: ListMode) -> BoxStream<'static, Result<Entry>> {
        let (lake, directory) = (self.clone(), directory.clone());
        async move {
            match lake.check(&directory.filesystem).await {
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
