//! What users attach to files, directories and filesystems.

use std::collections::BTreeMap;

use axum::{
    http::{HeaderMap, StatusCode},
    response::Response,
};
use base64::{Engine, prelude::BASE64_STANDARD};

use super::{
    LakeError, Node,
    answer::Asked,
    conditions,
    lease::check_write,
    reply::{set as set_header, versioned, wanted},
};

/// Headers of requests and the headers that tell them again. The Blob API has names of its own for the former.
const CONTENT: [(&str, &str, &str); 5] = [
    ("x-ms-content-type", "x-ms-blob-content-type", "content-type"),
    ("x-ms-content-encoding", "x-ms-blob-content-encoding", "content-encoding"),
    ("x-ms-content-language", "x-ms-blob-content-language", "content-language"),
    ("x-ms-content-disposition", "x-ms-blob-content-disposition", "content-disposition"),
    ("x-ms-cache-control", "x-ms-blob-cache-control", "cache-control"),
];
const META: &str = "x-ms-meta-";

/// Takes over what the headers of a request set.
pub(super) fn from_headers(node: &mut Node, headers: &HeaderMap) -> Result<(), LakeError> {
    for (dfs, blob, name) in CONTENT {
        if let Some(value) = wanted(headers, dfs).or_else(|| wanted(headers, blob)) {
            node.content.insert(name, value.to_owned());
        }
    }
    if let Some(listed) = wanted(headers, "x-ms-properties") {
        node.properties = parse(listed)?;
    }
    let meta = headers.iter().filter_map(|(name, value)| {
        Some((name.as_str().strip_prefix(META)?.to_owned(), value.to_str().ok()?.to_owned()))
    });
    node.properties.extend(meta);
    if let Some(permissions) = wanted(headers, "x-ms-permissions") {
        node.permissions = permissions.to_owned();
    }
    Ok(())
}

/// `name=base64,name=base64`
fn parse(listed: &str) -> Result<BTreeMap<String, String>, LakeError> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let value = String::from_utf8(BASE64_STANDARD.decode(value.trim()).ok()?).ok()?;
        Some((name.trim().to_owned(), value))
    };
    let pairs = listed.split(',').filter(|one| !one.trim().is_empty());
    pairs.map(|one| pair(one).ok_or_else(|| LakeError::invalid_header("x-ms-properties"))).collect()
}

/// Tells what is attached, as both APIs do.
pub(super) fn to_headers(headers: &mut HeaderMap, node: &Node) {
    let listed: Vec<String> = node
        .properties
        .iter()
        .map(|(name, value)| format!("{name}={}", BASE64_STANDARD.encode(value.as_bytes())))
        .collect();
    set_header(headers, "x-ms-properties", &listed.join(","));
    for (name, value) in &node.properties {
        set_header(headers, &format!("{META}{name}"), value);
    }
    for (name, value) in &node.content {
        set_header(headers, name, value);
    }
}

/// Whatever sets something that nothing else here depends on: properties, headers, access control.
pub(super) fn set(asked: &Asked<'_>) -> Result<Response, LakeError> {
    let headers = &asked.parts.headers;
    let known = match asked.parts.method.as_str() {
        "PATCH" => {
            let actions = ["setProperties", "setAccessControl", "setAccessControlRecursive"];
            let filesystem = asked.at.key.is_empty() && asked.query.get("resource") == Some("filesystem");
            filesystem || asked.query.get("action").is_some_and(|action| actions.contains(&action))
        }
        "PUT" => {
            asked.query.get("comp").is_some_and(|comp| ["metadata", "properties", "acl"].contains(&comp))
        }
        _ => false,
    };
    if !known {
        return Err(LakeError::unsupported());
    }
    let now = asked.state.clock.now();
    let mut lake = asked.state.lake();
    let node = lake.filesystem(asked.at)?.get_mut(&asked.at.key).ok_or_else(LakeError::path_not_found)?;
    conditions::check_write(headers, Some(node))?;
    check_write(node.lease.as_ref(), wanted(headers, "x-ms-lease-id"), now)?;
    if asked.query.get("comp") == Some("metadata") {
        // Sets all of it anew.
        node.properties.clear();
    }
    from_headers(node, headers)?;
    node.touch(now);
    Ok(versioned(StatusCode::OK, &node.etag, node.modified))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_pairs_in_base64() {
        let pairs = parse("a=MQ==, b=w7w=").unwrap();
        assert_eq!(pairs.get("a").map(String::as_str), Some("1"));
        assert_eq!(pairs.get("b").map(String::as_str), Some("ü"));
        assert!(parse("a=*").is_err() && parse("a").is_err());
    }
}
