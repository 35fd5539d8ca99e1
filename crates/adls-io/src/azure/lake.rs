//! The lake in a storage account.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use futures::{
    FutureExt, StreamExt,
    stream::{self, BoxStream},
};

use super::{
    AzureCredential, AzureLakeOptions, answer::Answer, client::Client, list, read, refusal::NO_HNS, rename,
    write,
};
use crate::{
    DataLake, Deleted, ETag, Entry, EntryKind, Error, ErrorKind, LakePath, LakeWriter, ListMode, Location,
    ReadOptions, ReadStream, RenameOptions, Result, condition::check_version,
};

/// A storage account with hierarchical namespace (ADLS Gen2), over its DFS endpoint.
///
/// Clones share their connections. Reading and writing are streamed: a read holds one network buffer, a writer at most
/// two blocks ([`AzureLakeOptions::block_bytes`]). A file is written under a temporary name beside its own
/// (`.aoai-tmp-…`, which listings leave out) and renamed when it is complete; a crash leaves such a file behind.
///
/// Requests are repeated where that is safe or where a repetition can be told from the outcome: a rename that was
/// carried out though its answer was lost is recognised by the version, which a rename keeps.
#[derive(Debug, Clone)]
pub struct AzureLake {
    client: Arc<Client>,
    /// Filesystems whose account was seen to have a hierarchical namespace.
    hierarchical: Arc<Mutex<HashSet<String>>>,
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
        Ok(Self {
            client: Arc::new(Client::new(endpoint, credential, options)?),
            hierarchical: Arc::default(),
        })
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
        let reply = self.client.filesystem(name).await?;
        let enabled = Answer(&reply.headers).text("x-ms-namespace-enabled");
        Ok(FilesystemInfo { hierarchical_namespace: enabled.map(|text| text.eq_ignore_ascii_case("true")) })
    }

    /// Refuses an account without hierarchical namespace; looks once for each filesystem.
    ///
    /// # Errors
    /// `Invalid`: the account has none. `NoFilesystem`, `Unavailable`. Where the credential may not look at the
    /// filesystem itself, the operations in it will tell.
    pub async fn check(&self, name: &str) -> Result<()> {
        if self.hierarchical.lock().unwrap_or_else(PoisonError::into_inner).contains(name) {
            return Ok(());
        }
        match self.filesystem(name).await {
            Ok(FilesystemInfo { hierarchical_namespace: Some(false) }) => {
                let root = Location::new(name, LakePath::root());
                return Err(Error::new(ErrorKind::Invalid, "use", &root, NO_HNS));
            }
            Ok(_) => {}
            // Known, but without the right to look at the filesystem itself, as a SAS for a directory has it: the
            // operations in it will tell.
            Err(error)
                if error.kind == ErrorKind::PermissionDenied
                    && error.code.as_deref().is_some_and(|code| code.starts_with("Authorization")) => {}
            Err(error) => return Err(error),
        }
        self.hierarchical.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        Ok(())
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
        rename::rename(&self.client, from, to, &options).await
    }

    async fn delete(&self, at: &Location, if_match: Option<ETag>) -> Result<Deleted> {
        // The service would delete an empty directory as well; a version that is given is a file's.
        if if_match.is_none() {
            match self.client.find("delete", at).await? {
                None => return Ok(Deleted::Absent),
                Some(entry) if entry.kind == EntryKind::Directory => {
                    let message = "the path is a directory";
                    return Err(Error::new(ErrorKind::WrongType, "delete", at, message));
                }
                Some(_) => {}
            }
        }
        match self.client.delete_file(at, if_match.as_ref()).await {
            // The service may check the condition before it looks whether there is a file at all.
            Err(error) if error.kind == ErrorKind::Precondition => {
                match self.client.find("delete", at).await? {
                    None => Ok(Deleted::Absent),
                    Some(entry) => {
                        check_version("delete", at, if_match.as_ref(), &entry.etag)?;
                        Err(error)
                    }
                }
            }
            other => other,
        }
    }

    async fn delete_directory(&self, at: &Location) -> Result<Deleted> {
        if at.path.is_root() {
            return Err(Error::new(ErrorKind::Invalid, "delete", at, "the root of a filesystem stays"));
        }
        match self.client.find("delete", at).await? {
            None => Ok(Deleted::Absent),
            Some(entry) if entry.kind == EntryKind::File => {
                Err(Error::new(ErrorKind::WrongType, "delete", at, "the path is a file"))
            }
            Some(_) => self.client.delete_tree(at).await,
        }
    }

    async fn ensure_filesystem(&self, name: &str) -> Result<()> {
        match self.check(name).await {
            Err(error) if error.kind == ErrorKind::NoFilesystem => {
                self.client.create_filesystem(name).await?;
                self.check(name).await
            }
            other => other,
        }
    }
}
