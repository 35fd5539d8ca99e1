//! The DFS operations, one function each. Every one of them may be repeated by [`Client`]; where a repetition can be
//! refused because the first try had got through, the function says what that means.
//!
//! Source: <https://learn.microsoft.com/rest/api/storageservices/datalakestoragegen2/path>.

use async_trait::async_trait;
use azure_core::http::{Method, Request, Url};
use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    answer::{Answer, quoted},
    client::{Call, Client, Failure, Reply},
    credential::CredentialKind,
    dfs::Dfs,
    endpoint::Endpoint,
};
use crate::{Condition, Deleted, ETag, Entry, EntryKind, ErrorKind, LakePath, Location, Result};

/// Adds query parameters. Spaces become `%20`: a `+`, which forms have, is a plus to some readers of signatures.
pub(super) fn with_query(mut url: Url, pairs: &[(&str, &str)]) -> Url {
    let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    let pairs: Vec<_> = pairs.iter().map(|(key, value)| format!("{key}={}", encoded(value))).collect();
    let query = url.query().into_iter().map(str::to_owned).chain(pairs).collect::<Vec<_>>().join("&");
    url.set_query(Some(&query).filter(|query| !query.is_empty()).map(String::as_str));
    url
}

fn condition(request: &mut Request, condition: &Condition) {
    match condition {
        Condition::Always => {}
        Condition::IfAbsent => request.insert_header("if-none-match", "*"),
        Condition::IfMatch(etag) => request.insert_header("if-match", quoted(etag)),
    }
}

impl Client {
    /// What a filesystem's properties say.
    pub(super) async fn filesystem(&self, name: &str) -> Result<Reply<Bytes>> {
        let at = Location::new(name, LakePath::root());
        let url = with_query(self.endpoint.filesystem(name), &[("resource", "filesystem")]);
        let request = Request::new(url, Method::Head);
        Ok(self.send(Call { operation: "head", at: &at, request }).await?.0)
    }
}

#[async_trait]
impl Dfs for Client {
    fn block_bytes(&self) -> usize {
        self.options.block_bytes
    }

    async fn namespace(&self, name: &str) -> Result<Option<bool>> {
        let reply = self.filesystem(name).await?;
        let enabled = Answer(&reply.headers).text("x-ms-namespace-enabled");
        Ok(enabled.map(|text| text.eq_ignore_ascii_case("true")))
    }

    async fn create_filesystem(&self, name: &str) -> Result<()> {
        let at = Location::new(name, LakePath::root());
        let url = with_query(self.endpoint.filesystem(name), &[("resource", "filesystem")]);
        let request = Request::new(url, Method::Put);
        match self.send(Call { operation: "create", at: &at, request }).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.error.kind == ErrorKind::AlreadyExists => Ok(()),
            Err(failure) => Err(failure.error),
        }
    }

    async fn head(&self, operation: &'static str, at: &Location) -> Result<Entry> {
        if at.path.is_root() {
            let reply = self.filesystem(&at.filesystem).await?;
            let answer = Answer(&reply.headers);
            return Ok(Entry { kind: EntryKind::Directory, size: 0, ..answer.entry(at) });
        }
        let request = Request::new(self.endpoint.path(at), Method::Head);
        let (reply, _) = self.send(Call { operation, at, request }).await?;
        Ok(Answer(&reply.headers).entry(at))
    }

    async fn create_unique(&self, at: &Location) -> Result<()> {
        let mut request =
            Request::new(with_query(self.endpoint.path(at), &[("resource", "file")]), Method::Put);
        condition(&mut request, &Condition::IfAbsent);
        match self.send(Call { operation: "write", at, request }).await {
            Ok(_) => Ok(()),
            Err(Failure { error, doubtful: true }) if error.kind == ErrorKind::AlreadyExists => Ok(()),
            Err(failure) => Err(failure.error),
        }
    }

    async fn create_directory(&self, at: &Location) -> Result<()> {
        let mut request =
            Request::new(with_query(self.endpoint.path(at), &[("resource", "directory")]), Method::Put);
        condition(&mut request, &Condition::IfAbsent);
        match self.send(Call { operation: "write", at, request }).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.error.kind == ErrorKind::AlreadyExists => Ok(()),
            Err(failure) => Err(failure.error),
        }
    }

    async fn append(&self, at: &Location, position: u64, bytes: Bytes) -> Result<()> {
        let position = position.to_string();
        let url = with_query(self.endpoint.path(at), &[("action", "append"), ("position", &position)]);
        let mut request = Request::new(url, Method::Patch);
        request.set_body(bytes);
        Ok(self.send(Call { operation: "write", at, request }).await.map(drop)?)
    }

    async fn flush(&self, at: &Location, position: u64) -> Result<ETag> {
        let position = position.to_string();
        let query = [("action", "flush"), ("position", position.as_str()), ("close", "true")];
        let request = Request::new(with_query(self.endpoint.path(at), &query), Method::Patch);
        let (reply, _) = self.send(Call { operation: "write", at, request }).await?;
        let etag = Answer(&reply.headers).etag();
        if etag.0.is_empty() {
            return Ok(self.head("write", at).await?.etag);
        }
        Ok(etag)
    }

    async fn move_path(
        &self,
        operation: &'static str,
        from: &Location,
        to: &Location,
        source: Option<&ETag>,
        destination: &Condition,
    ) -> Result<()> {
        let mut request = Request::new(self.endpoint.path(to), Method::Put);
        let sas = match &self.credential {
            CredentialKind::Sas { query, .. } => Some(query),
            _ => None,
        };
        request.insert_header("x-ms-rename-source", Endpoint::rename_source(from, sas));
        if let Some(etag) = source {
            request.insert_header("x-ms-source-if-match", quoted(etag));
        }
        condition(&mut request, destination);
        Ok(self.send(Call { operation, at: to, request }).await.map(drop)?)
    }

    async fn delete_file(
        &self,
        at: &Location,
        if_match: Option<&ETag>,
    ) -> std::result::Result<Deleted, Failure> {
        let mut request = Request::new(self.endpoint.path(at), Method::Delete);
        if let Some(etag) = if_match {
            request.insert_header("if-match", quoted(etag));
        }
        match self.send(Call { operation: "delete", at, request }).await {
            Ok(_) => Ok(Deleted::Deleted),
            Err(failure) => after_delete(failure),
        }
    }

    async fn delete_tree(&self, at: &Location) -> Result<Deleted> {
        let mut continuation: Option<String> = None;
        loop {
            let mut url = with_query(self.endpoint.path(at), &[("recursive", "true")]);
            if let Some(token) = &continuation {
                url = with_query(url, &[("continuation", token)]);
            }
            let request = Request::new(url, Method::Delete);
            let reply = match self.send(Call { operation: "delete", at, request }).await {
                Ok((reply, _)) => reply,
                // Gone while we were at it: by us.
                Err(failure) if continuation.is_some() && failure.error.kind == ErrorKind::NotFound => {
                    return Ok(Deleted::Deleted);
                }
                Err(failure) => return Ok(after_delete(failure)?),
            };
            match Answer(&reply.headers).text("x-ms-continuation").filter(|token| !token.is_empty()) {
                Some(token) if continuation.as_deref() != Some(token) => {
                    continuation = Some(token.to_owned())
                }
                _ => return Ok(Deleted::Deleted),
            }
        }
    }
}

/// Nothing there: that is fine, and if an earlier try may have got through, it was that.
pub(crate) fn after_delete(failure: Failure) -> std::result::Result<Deleted, Failure> {
    match failure.error.kind {
        ErrorKind::NotFound if failure.doubtful => Ok(Deleted::Deleted),
        ErrorKind::NotFound => Ok(Deleted::Absent),
        _ => Err(failure),
    }
}
