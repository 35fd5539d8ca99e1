//! `GET ?resource=filesystem`: what is below a directory.

use std::ops::Bound;

use axum::{
    body::Body as Outgoing,
    http::{HeaderValue, header},
    response::Response,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::{
    Filesystem, LakeError, Node,
    address::{self, BEHIND},
    answer::Asked,
    dates,
    reply::set,
};

/// Most entries of a page.
const MAX_RESULTS: usize = 5_000;

pub(super) fn list(asked: &Asked<'_>) -> Result<Response, LakeError> {
    let query = asked.query;
    let most = match query.get("maxResults").filter(|text| !text.is_empty()).map(str::parse::<usize>) {
        None => MAX_RESULTS,
        Some(Ok(most)) if most > 0 => most.min(MAX_RESULTS),
        Some(_) => return Err(LakeError::invalid_query("maxResults")),
    };
    let recursive = match query.get("recursive") {
        Some("true") => true,
        Some("false") => false,
        Some(_) => return Err(LakeError::invalid_query("recursive")),
        None => return Err(LakeError::missing_query("recursive")),
    };
    let directory = address::key(query.get("directory").unwrap_or_default())?;
    let after = query.get("continuation").filter(|token| !token.is_empty()).map(from_token).transpose()?;
    let mut lake = asked.state.lake();
    let filesystem = lake.filesystem(asked.at)?;
    match filesystem.get(&directory) {
        None => return Err(LakeError::path_not_found()),
        // A guess between 404 and 409: there is something, only not what was asked for.
        Some(node) if !node.is_directory() => return Err(LakeError::path_conflict()),
        Some(_) => {}
    }
    let mut found = page(filesystem, &directory, recursive, after.as_deref(), most + 1);
    let more = found.len() > most;
    found.truncate(most);
    let next = found.last().filter(|_| more).map(|(key, _)| to_token(key));
    let paths: Vec<Value> = found.into_iter().map(|(key, node)| entry(key, node)).collect();
    let body = json!({"paths": paths}).to_string() + "\n";
    let mut response = Response::new(Outgoing::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json;charset=utf-8"));
    if let Some(next) = next {
        set(headers, "x-ms-continuation", &next);
    }
    Ok(response)
}

/// What comes next. Pages go by names, so what is made or removed meanwhile shifts nothing.
fn page<'a>(
    filesystem: &'a Filesystem,
    directory: &str,
    recursive: bool,
    after: Option<&str>,
    most: usize,
) -> Vec<(&'a str, &'a Node)> {
    if recursive {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        return filesystem.below(directory, start).take(most).collect();
    }
    let behind = |key: &str| format!("{key}{BEHIND}");
    let mut found = Vec::new();
    let mut start = after.map(behind);
    while found.len() < most {
        let bound = start.as_deref().map_or(Bound::Unbounded, Bound::Included);
        let Some((key, node)) = filesystem.child(directory, bound) else { break };
        // Over all that is below it, in one step.
        start = Some(behind(key));
        found.push((key, node));
    }
    found
}

fn entry(key: &str, node: &Node) -> Value {
    let mut entry = json!({
        "contentLength": node.length().to_string(),
        "creationTime": dates::filetime(node.created),
        "etag": node.etag,
        "expiryTime": "0",
        "group": "$superuser",
        "lastModified": dates::http(node.modified),
        "name": address::path(key),
        "owner": "$superuser",
        "permissions": node.permissions,
    });
    if node.is_directory() {
        entry["isDirectory"] = "true".into();
    }
    entry
}

fn to_token(key: &str) -> String {
    BASE64_STANDARD.encode(key.as_bytes())
}

fn from_token(token: &str) -> Result<String, LakeError> {
    let key = BASE64_STANDARD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    key.ok_or_else(|| LakeError::invalid_query("continuation"))
}
