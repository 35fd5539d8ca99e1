//! The DFS operations, one function each. Every one of them may be repeated by [`Client`]; where a repetition can be
//! refused because the first try had got through, the function says what that means.
//!
//! Source: <https://learn.microsoft.com/rest/api/storageservices/datalakestoragegen2/path>.

use azure_core::http::{Method, Request, Url};
use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    answer::{Answer, quoted},
    client::{Call, Client, Failure, Reply},
    credential::CredentialKind,
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

    /// Makes a filesystem; one that is there is fine.
    pub(super) async fn create_filesystem(&self, name: &str) -> Result<()> {
        let at = Location::new(name, LakePath::root());
        let url = with_query(self.endpoint.filesystem(name), &[("resource", "filesystem")]);
        let request = Request::new(url, Method::Put);
        match self.send(Call { operation: "create", at: &at, request }).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.error.kind == ErrorKind::AlreadyExists => Ok(()),
            Err(failure) => Err(failure.error),
        }
    }

    /// Looks at a path.
    pub(super) async fn head(&self, operation: &'static str, at: &Location) -> Result<Entry> {
        if at.path.is_root() {
            let reply = self.filesystem(&at.filesystem).await?;
            let answer = Answer(&reply.headers);
            return Ok(Entry { kind: EntryKind::Directory, size: 0, ..answer.entry(at) });
        }
        let request = Request::new(self.endpoint.path(at), Method::Head);
        let (reply, _) = self.send(Call { operation, at, request }).await?;
        Ok(Answer(&reply.headers).entry(at))
    }

    /// Looks at a path; `None` where there is nothing.
    pub(super) async fn find(&self, operation: &'static str, at: &Location) -> Result<Option<Entry>> {
        match self.head(operation, at).await {
            Ok(entry) => Ok(Some(entry)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes an empty file under a name that nobody else uses. The condition keeps a late repetition from emptying
    /// what was appended meanwhile; that it is refused then says that the first try got through.
    pub(super) async fn create_unique(&self, at: &Location) -> Result<()> {
        let mut request =
            Request::new(with_query(self.endpoint.path(at), &[("resource", "file")]), Method::Put);
        condition(&mut request, &Condition::IfAbsent);
        match self.send(Call { operation: "write", at, request }).await {
            Ok(_) => Ok(()),
            Err(Failure { error, doubtful: true }) if error.kind == ErrorKind::AlreadyExists => Ok(()),
            Err(failure) => Err(failure.error),
        }
    }

    /// Makes a directory with its parents; one that is there is fine.
    pub(super) async fn create_directory(&self, at: &Location) -> Result<()> {
        let mut request =
            Request::new(with_query(self.endpoint.path(at), &[("resource", "directory")]), Method::Put);
        condition(&mut request, &Condition::IfAbsent);
        match self.send(Call { operation: "write", at, request }).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.error.kind == ErrorKind::AlreadyExists => Ok(()),
            Err(failure) => Err(failure.error),
        }
    }

    /// Puts bytes at a position; nothing of them is visible before the flush. The same bytes at the same position may
    /// be put again.
    pub(super) async fn append(&self, at: &Location, position: u64, bytes: Bytes) -> Result<()> {
        let position = position.to_string();
        let url = with_query(self.endpoint.path(at), &[("action", "append"), ("position", &position)]);
        let mut request = Request::new(url, Method::Patch);
        request.set_body(bytes);
        Ok(self.send(Call { operation: "write", at, request }).await.map(drop)?)
    }

    /// Makes what was appended the file's content; the version after it. May be repeated at the same position.
    pub(super) async fn flush(&self, at: &Location, position: u64) -> Result<ETag> {
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

    /// One rename. A refusal may mean that it had been carried out before: the caller looks.
    pub(super) async fn move_path(
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

    /// Deletes a file.
    pub(super) async fn delete_file(&self, at: &Location, if_match: Option<&ETag>) -> Result<Deleted> {
        let mut request = Request::new(self.endpoint.path(at), Method::Delete);
        if let Some(etag) = if_match {
            request.insert_header("if-match", quoted(etag));
        }
        match self.send(Call { operation: "delete", at, request }).await {
            Ok(_) => Ok(Deleted::Deleted),
            Err(failure) => after_delete(failure),
        }
    }

    /// Deletes a directory with what is below it; large ones take several requests.
    pub(super) async fn delete_tree(&self, at: &Location) -> Result<Deleted> {
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
                Err(failure) => return after_delete(failure),
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
fn after_delete(failure: Failure) -> Result<Deleted> {
    match failure.error.kind {
        ErrorKind::NotFound if failure.doubtful => Ok(Deleted::Deleted),
        ErrorKind::NotFound => Ok(Deleted::Absent),
        _ => Err(failure.error),
    }
}
