//! Listings in pages, depth first by name.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{call::LakeCall, node::Node, refusal::LakeError, reply, tree::Key};
use crate::{clock::Stamp, server::Query, state::Shared};

/// Entries of a page at the most, and where nothing is asked for.
const PAGE: usize = 5_000;

/// `GET ?resource=filesystem`.
pub(super) fn list(state: &Shared, call: &LakeCall, query: &Query) -> Result<Response, LakeError> {
    let invalid = |name: &str| {
        LakeError::bad(
            "InvalidQueryParameterValue",
            format!("Value for one of the query parameters is invalid: {name}."),
        )
    };
    let recursive = match query.get("recursive").map(str::to_ascii_lowercase).as_deref() {
        Some("true") => true,
        Some("false") => false,
        _ => return Err(invalid("recursive")),
    };
    let most = match query.get("maxResults").map(str::parse::<usize>) {
        None => PAGE,
        Some(Ok(wanted)) if wanted > 0 => wanted.min(PAGE),
        Some(_) => return Err(invalid("maxResults")),
    };
    let after = match query.get("continuation").filter(|token| !token.is_empty()) {
        Some(token) => {
            let decoded = BASE64_URL_SAFE_NO_PAD.decode(token).ok().and_then(|b| String::from_utf8(b).ok());
            Some(Key::of(&decoded.ok_or_else(|| invalid("continuation"))?))
        }
        None => None,
    };
    let directory = query.get("directory").unwrap_or_default().trim_matches('/').to_owned();
    let mut store = state.lake();
    let tree = &store.filesystem(&call.account, &call.filesystem)?.tree;
    match tree.get(&directory) {
        _ if directory.is_empty() => {}
        None => return Err(LakeError::path_not_found()),
        // What the service says to this is not documented.
        Some(node) if !node.is_directory() => return Err(LakeError::wrong_type()),
        Some(_) => {}
    }
    let depth = if directory.is_empty() { 0 } else { directory.matches('/').count() + 1 };
    let mut entries = tree
        .below(&directory, after.as_ref())
        .map(|(key, node)| (key.path(), node))
        .filter(|(path, _)| recursive || path.matches('/').count() == depth);
    let mut paths: Vec<(String, Value)> = Vec::new();
    for (path, node) in entries.by_ref().take(most) {
        let item = item(&path, node);
        paths.push((path, item));
    }
    let more = entries.next().is_some();
    let last = paths.last().map(|(path, _)| BASE64_URL_SAFE_NO_PAD.encode(path)).filter(|_| more);
    let items: Vec<Value> = paths.into_iter().map(|(_, item)| item).collect();
    let mut response = Response::new(Body::from(format!("{}\n", json!({ "paths": items }))));
    *response.status_mut() = StatusCode::OK;
    let kind = HeaderValue::from_static("application/json;charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    if let Some(token) = last {
        reply::set(&mut response, "x-ms-continuation", &token);
    }
    Ok(response)
}

/// One path, with the service's types: numbers and flags are strings.
fn item(path: &str, node: &Node) -> Value {
    let directory = node.is_directory();
    let mut item = json!({
        "contentLength": node.length().to_string(),
        "creationTime": filetime(node.created),
        "etag": node.etag,
        "expiryTime": "0",
        "group": "$superuser",
        "lastModified": reply::http_date(node.modified),
        "name": path,
        "owner": "$superuser",
        "permissions": if directory { "rwxr-x---" } else { "rw-r-----" },
    });
    if directory {
        item["isDirectory"] = "true".into();
    }
    item
}

/// 100-nanosecond intervals since 1601.
fn filetime(at: Stamp) -> String {
    (116_444_736_000_000_000_i64 + at.unix_seconds().saturating_mul(10_000_000)).to_string()
}
