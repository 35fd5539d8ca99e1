//! The DFS operations by the legacy crate's builders.

use async_trait::async_trait;
use azure_core_legacy::{
    Context, CustomHeaders,
    headers::Headers,
    prelude::{IfMatchCondition, NextMarker},
};
use azure_storage_datalake::clients::FileClient;
use azure_storage_datalake::operations::{DeletePathBuilder, DeletePathResponse};
use bytes::Bytes;
use futures::StreamExt;

use super::client::{SdkClient, encoded};
use crate::{
    Condition, Deleted, ETag, Entry, EntryKind, Error, ErrorKind, LakePath, Location, Result,
    azure::{
        answer::{Answer, etag, quoted},
        calls::after_delete,
        client::Failure,
        credential::CredentialKind,
        dfs::Dfs,
        endpoint::Endpoint,
    },
};

/// Headers that the crate's builders cannot send, or send wrongly; they replace the builder's own before the request
/// is signed.
pub(super) fn with_headers(mut context: Context, pairs: &[(&'static str, String)]) -> Context {
    let mut headers = Headers::new();
    for (name, value) in pairs {
        headers.insert(*name, value.clone());
    }
    context.insert(CustomHeaders::from(headers));
    context
}

fn position(at: &Location, position: u64) -> Result<i64> {
    i64::try_from(position)
        .map_err(|_| Error::new(ErrorKind::Invalid, "write", at, "the file is too long for the service"))
}

impl SdkClient {
    /// A delete's answer. `delete().await` never returns: the crate's macro lets `into_future` call itself.
    async fn delete(
        &self,
        at: &Location,
        build: impl Fn() -> DeletePathBuilder<FileClient> + Send + Sync,
    ) -> std::result::Result<DeletePathResponse, Failure> {
        let done = self.call("delete", at, |context| {
            let mut pages = build().context(context).into_stream();
            async move {
                let first = pages.next().await;
                first.unwrap_or_else(|| Err(azure_core_legacy::error::ErrorKind::Other.into_error()))
            }
        });
        Ok(done.await?.value)
    }
}

#[async_trait]
impl Dfs for SdkClient {
    fn block_bytes(&self) -> usize {
        self.options.block_bytes
    }

    async fn namespace(&self, name: &str) -> Result<Option<bool>> {
        let at = Location::new(name, LakePath::root());
        let filesystem = self.filesystem(name);
        let done =
            self.call("head", &at, |context| filesystem.get_properties().context(context).into_future());
        let headers = done.await?.headers;
        let enabled = Answer(&headers).text("x-ms-namespace-enabled");
        Ok(enabled.map(|text| text.eq_ignore_ascii_case("true")))
    }

    async fn create_filesystem(&self, name: &str) -> Result<()> {
        let at = Location::new(name, LakePath::root());
        let filesystem = self.filesystem(name);
        match self.call("create", &at, |context| filesystem.create().context(context).into_future()).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.error.kind == ErrorKind::AlreadyExists => Ok(()),
            Err(failure) => Err(failure.error),
        }
    }

    /// The crate's response does not tell a file from a directory, though the service does: that is read from the
    /// answer's headers, which [`Listen`](super::policies::Listen) keeps.
    async fn head(&self, operation: &'static str, at: &Location) -> Result<Entry> {
        if at.path.is_root() {
            let filesystem = self.filesystem(&at.filesystem);
            let done = self
                .call(operation, at, |context| filesystem.get_properties().context(context).into_future());
            let done = done.await?;
            return Ok(Entry { kind: EntryKind::Directory, size: 0, ..Answer(&done.headers).entry(at) });
        }
        let file = self.file(at);
        // An answer without a length is not one of an empty file: it is asked for again, once.
        for _ in 0..2 {
            let done =
                self.call(operation, at, |context| file.get_properties().context(context).into_future());
            let done = done.await?;
            let length = done.value.content_length.and_then(|length| u64::try_from(length).ok());
            let (kind, size) = match (Answer(&done.headers).is_directory(), length) {
                (true, _) => (EntryKind::Directory, 0),
                (false, Some(size)) => (EntryKind::File, size),
                (false, None) => continue,
            };
            return Ok(Entry {
                location: at.clone(),
                kind,
                size,
                etag: etag(&done.value.etag),
                modified_ms: done.value.last_modified.unix_timestamp().saturating_mul(1000),
            });
        }
        Err(Error::new(ErrorKind::Io, operation, at, "the service does not say how long the file is"))
    }

    async fn create_unique(&self, at: &Location) -> Result<()> {
        let file = self.file(at);
        match self
            .call("write", at, |context| file.create_if_not_exists().context(context).into_future())
            .await
        {
            Ok(_) => Ok(()),
            Err(Failure { error, doubtful: true }) if error.kind == ErrorKind::AlreadyExists => Ok(()),
            Err(failure) => Err(failure.error),
        }
    }

    async fn create_directory(&self, at: &Location) -> Result<()> {
        let directory = self.directory(at);
        let done =
            self.call("write", at, |context| directory.create_if_not_exists().context(context).into_future());
        match done.await {
            Ok(_) => Ok(()),
            Err(failure) if failure.error.kind == ErrorKind::AlreadyExists => Ok(()),
            Err(failure) => Err(failure.error),
        }
    }

    async fn append(&self, at: &Location, offset: u64, bytes: Bytes) -> Result<()> {
        let (file, offset) = (self.file(at), position(at, offset)?);
        let done = self
            .call("write", at, |context| file.append(offset, bytes.clone()).context(context).into_future());
        Ok(done.await.map(drop)?)
    }

    async fn flush(&self, at: &Location, offset: u64) -> Result<ETag> {
        let (file, offset) = (self.file(at), position(at, offset)?);
        let done =
            self.call("write", at, |context| file.flush(offset).close(true).context(context).into_future());
        match done.await?.value.etag.as_deref().map(etag) {
            Some(etag) if !etag.0.is_empty() => Ok(etag),
            _ => Ok(self.head("write", at).await?.etag),
        }
    }

    /// The crate knows renames within one filesystem only, encodes the source as a form does (a space becomes `+`)
    /// and puts the endpoint's own path before it; it cannot bind the source to a version. All of that is one header
    /// each.
    async fn move_path(
        &self,
        operation: &'static str,
        from: &Location,
        to: &Location,
        source: Option<&ETag>,
        destination: &Condition,
    ) -> Result<()> {
        let sas = match &self.credential {
            CredentialKind::Sas { query, .. } => Some(query),
            _ => None,
        };
        let mut headers = vec![("x-ms-rename-source", Endpoint::rename_source(from, sas))];
        headers.extend(source.map(|etag| ("x-ms-source-if-match", quoted(etag))));
        let (target, path) = (self.file(to), encoded(to).1);
        let done = self.call(operation, to, |context| {
            let rename = target.rename(path.clone()).context(with_headers(context, &headers));
            match destination {
                Condition::Always => rename,
                Condition::IfAbsent => rename.if_match_condition(IfMatchCondition::NotMatch("*".to_owned())),
                Condition::IfMatch(etag) => rename.if_match_condition(IfMatchCondition::Match(quoted(etag))),
            }
            .into_future()
        });
        Ok(done.await.map(drop)?)
    }

    async fn delete_file(
        &self,
        at: &Location,
        if_match: Option<&ETag>,
    ) -> std::result::Result<Deleted, Failure> {
        let file = self.file(at);
        let deleted = self.delete(at, || match if_match {
            Some(etag) => file.delete().if_match_condition(IfMatchCondition::Match(quoted(etag))),
            None => file.delete(),
        });
        match deleted.await {
            Ok(_) => Ok(Deleted::Deleted),
            Err(failure) => after_delete(failure),
        }
    }

    async fn delete_tree(&self, at: &Location) -> Result<Deleted> {
        let tree = self.file(at);
        let mut continuation: Option<NextMarker> = None;
        loop {
            let deleted = self.delete(at, || match continuation.clone() {
                Some(token) => tree.delete().recursive(true).continuation(token),
                None => tree.delete().recursive(true),
            });
            let page = match deleted.await {
                Ok(page) => page,
                // Gone while we were at it: by us.
                Err(failure) if continuation.is_some() && failure.error.kind == ErrorKind::NotFound => {
                    return Ok(Deleted::Deleted);
                }
                Err(failure) => return Ok(after_delete(failure)?),
            };
            match page.continuation {
                Some(token) if continuation.as_ref() != Some(&token) => continuation = Some(token),
                _ => return Ok(Deleted::Deleted),
            }
        }
    }
}
