//! Listings, page by page.

use std::sync::Arc;

use azure_core::http::{Method, Request};
use bytes::Bytes;
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use serde::{Deserialize, Deserializer, de::Error as _};

use super::{
    answer::{Answer, etag, millis},
    calls::with_query,
    client::{Call, Client, Reply},
    dfs::Dfs,
    write::is_temporary,
};
use crate::{ETag, Entry, EntryKind, Error, ErrorKind, LakePath, ListMode, Location, Result};

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    paths: Vec<Item>,
}

/// One path of a listing. The service writes numbers and flags as strings.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    name: String,
    #[serde(default, deserialize_with = "flag")]
    is_directory: bool,
    #[serde(default, deserialize_with = "number")]
    content_length: u64,
    #[serde(default, alias = "eTag")]
    etag: Option<String>,
    #[serde(default)]
    last_modified: Option<String>,
}

fn flag<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<bool, D::Error> {
    Ok(match serde_json::Value::deserialize(from)? {
        serde_json::Value::Bool(value) => value,
        serde_json::Value::String(text) => text.eq_ignore_ascii_case("true"),
        _ => false,
    })
}

fn number<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<u64, D::Error> {
    match serde_json::Value::deserialize(from)? {
        serde_json::Value::Null => Ok(0),
        serde_json::Value::Number(number) => number.as_u64().ok_or_else(|| D::Error::custom("no size")),
        serde_json::Value::String(text) => text.parse().map_err(D::Error::custom),
        _ => Err(D::Error::custom("no size")),
    }
}

enum Next {
    First,
    Page(String),
}

/// Lists a directory.
pub(super) fn list(
    client: Arc<Client>,
    directory: Location,
    mode: ListMode,
) -> BoxStream<'static, Result<Entry>> {
    let start = Some((Next::First, client, directory));
    let pages = stream::unfold(start, move |state| async move {
        let (next, client, directory) = state?;
        let page = match &next {
            Next::First => page(&client, &directory, mode, None).await,
            Next::Page(token) => page(&client, &directory, mode, Some(token)).await,
        };
        match page {
            Ok((entries, token)) => {
                let entries: Vec<_> = entries.into_iter().map(Ok).collect();
                let next = token.map(|token| (Next::Page(token), client, directory));
                Some((stream::iter(entries), next))
            }
            Err(error) => Some((stream::iter(vec![Err(error)]), None)),
        }
    });
    pages.flatten().boxed()
}

async fn page(
    client: &Client,
    directory: &Location,
    mode: ListMode,
    token: Option<&str>,
) -> Result<(Vec<Entry>, Option<String>)> {
    let size = client.options.page_size.clamp(1, 5_000).to_string();
    let mut query = vec![
        ("resource", "filesystem"),
        ("recursive", if mode.is_deep() { "true" } else { "false" }),
        ("maxResults", &size),
    ];
    if !directory.path.is_root() {
        query.push(("directory", directory.path.as_str()));
    }
    query.extend(token.map(|token| ("continuation", token)));
    let url = with_query(client.endpoint.filesystem(&directory.filesystem), &query);
    let request = Request::new(url, Method::Get);
    let reply = match client.send(Call { operation: "list", at: directory, request }).await {
        Ok((reply, _)) => reply,
        Err(failure) => return Err(explain(client, directory, failure.error).await),
    };
    let entries = entries(directory, mode, &reply)?;
    let next = Answer(&reply.headers).text("x-ms-continuation").filter(|token| !token.is_empty());
    if next.is_some() && next == token {
        let message = "the listing does not advance: the service gives the same page again";
        return Err(Error::new(ErrorKind::Io, "list", directory, message));
    }
    Ok((entries, next.map(str::to_owned)))
}

/// A listing of a file is refused in one way or another.
pub(crate) async fn explain(client: &dyn Dfs, directory: &Location, error: Error) -> Error {
    if !matches!(error.kind, ErrorKind::NotFound | ErrorKind::WrongType | ErrorKind::Invalid) {
        return error;
    }
    match client.find("list", directory).await {
        Ok(Some(entry)) if entry.kind == EntryKind::File => is_a_file(directory),
        _ => error,
    }
}

fn is_a_file(directory: &Location) -> Error {
    Error::new(ErrorKind::WrongType, "list", directory, "the path is a file")
}

fn entries(directory: &Location, mode: ListMode, reply: &Reply<Bytes>) -> Result<Vec<Entry>> {
    let unreadable = |what: String| Error::new(ErrorKind::Io, "list", directory, what);
    let page: Page = serde_json::from_slice(&reply.body)
        .map_err(|error| unreadable(format!("the service's list cannot be read: {error}")))?;
    let mut entries = Vec::with_capacity(page.paths.len());
    for item in page.paths {
        let etag = item.etag.as_deref().map_or_else(|| ETag(String::new()), etag);
        let modified_ms = item.last_modified.as_deref().map_or(0, millis);
        let size = (!item.is_directory).then_some(item.content_length);
        entries.extend(listed(directory, mode, &item.name, size, etag, modified_ms)?);
    }
    Ok(entries)
}

/// The entry that a line of a listing means, if it is one that was asked for. Directories have no size.
pub(crate) fn listed(
    directory: &Location,
    mode: ListMode,
    name: &str,
    size: Option<u64>,
    etag: ETag,
    modified_ms: i64,
) -> Result<Option<Entry>> {
    // Names are untrusted: one that climbs is refused rather than followed.
    let path = LakePath::parse(name).map_err(|error| {
        Error::new(ErrorKind::Io, "list", directory, format!("the service lists {name:?}: {error}"))
    })?;
    if path == directory.path && size.is_some() {
        return Err(is_a_file(directory));
    }
    let wanted = match mode {
        ListMode::Unfinished => is_temporary(&path) && size.is_some(),
        ListMode::Shallow | ListMode::Recursive => !is_temporary(&path),
    };
    if !wanted || path == directory.path {
        return Ok(None);
    }
    Ok(Some(Entry {
        location: Location::new(directory.filesystem.clone(), path),
        kind: if size.is_some() { EntryKind::File } else { EntryKind::Directory },
        size: size.unwrap_or(0),
        etag,
        modified_ms,
    }))
}

#[cfg(test)]
mod tests {
    use azure_core::http::headers::Headers;

    use super::*;

    fn parse(json: &str) -> Result<Vec<Entry>> {
        parse_as(ListMode::Recursive, json)
    }

    fn parse_as(mode: ListMode, json: &str) -> Result<Vec<Entry>> {
        let directory = Location::new("fs", LakePath::parse("some").unwrap());
        entries(
            &directory,
            mode,
            &Reply { status: 200, headers: Headers::new(), body: Bytes::from(json.to_owned()) },
        )
    }

    #[test]
    fn the_recorded_shape_is_read() {
        let page = r#"{"paths":[{"contentLength":"0","creationTime":"1","etag":"0x8D1","group":"$superuser","isDirectory":"true",
            "lastModified":"Thu, 01 Jan 1970 00:00:02 GMT","name":"some/path","owner":"$superuser","permissions":"rwxr-x---"},
            {"contentLength":"12","etag":"0x8D2","lastModified":"Thu, 01 Jan 1970 00:00:03 GMT","name":"some/path/f"},
            {"contentLength":"12","etag":"0x8D3","name":"some/.aoai-tmp-1"}]}
"#;
        let entries = parse(page).unwrap();
        assert_eq!(entries.len(), 2, "a temporary file is not shown");
        assert_eq!((entries[0].kind, entries[0].size), (EntryKind::Directory, 0));
        assert_eq!((entries[1].kind, entries[1].size, entries[1].modified_ms), (EntryKind::File, 12, 3000));
        assert_eq!(entries[1].etag, ETag("0x8D2".into()));
        let unfinished = parse_as(ListMode::Unfinished, page).unwrap();
        assert_eq!(unfinished.len(), 1);
        assert_eq!(unfinished[0].etag, ETag("0x8D3".into()));
    }

    #[test]
    fn what_is_no_list_of_ours_is_an_error() {
        assert!(parse("<html>").is_err());
        assert!(parse(r#"{"paths":[{"name":"../x"}]}"#).is_err());
        assert!(parse(r#"{"paths":[{"name":"a","contentLength":"many"}]}"#).is_err());
        assert_eq!(
            parse(r#"{"paths":[{"name":"some","contentLength":"1"}]}"#).unwrap_err().kind,
            ErrorKind::WrongType
        );
    }
}
