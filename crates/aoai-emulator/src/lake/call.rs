//! From method, URL and headers to the operation that is meant.

use axum::http::{HeaderMap, Method};

use super::{Address, LakeError, Wire};
use crate::server::{Operation, Query};

/// A request to the storage half.
#[derive(Debug, Clone)]
pub(crate) struct LakeCall {
    pub(crate) operation: Operation,
    pub(super) wire: Wire,
    pub(super) head: bool,
    pub(super) at: Result<Address, LakeError>,
    pub(super) query: Query,
}

impl LakeCall {
    pub(crate) fn parse(method: &Method, path: &str, query: Query, headers: &HeaderMap) -> Self {
        let at = Address::parse(path);
        // Signatures and versions may be in any query, so only these tell which API is meant.
        let blob = query.get("restype").is_some() || query.get("comp").is_some();
        let operation = at.as_ref().map_or(Operation::LakeOther, |at| operation(method, at, &query, headers));
        let wire = if blob { Wire::Blob } else { Wire::Dfs };
        Self { operation, wire, head: method == Method::HEAD, at, query }
    }
}

fn operation(method: &Method, at: &Address, query: &Query, headers: &HeaderMap) -> Operation {
    let method = method.as_str();
    let (resource, comp) = (query.get("resource"), query.get("comp"));
    let lease = (method == "PUT" && comp == Some("lease"))
        || (method == "POST" && headers.contains_key("x-ms-lease-action"));
    if at.filesystem.is_empty() {
        return Operation::LakeOther;
    }
    if lease {
        return Operation::LakeLease;
    }
    if at.key.is_empty() {
        let whole =
            resource == Some("filesystem") || (query.get("restype") == Some("container") && comp.is_none());
        return match method {
            "PUT" if whole => Operation::LakeCreateFilesystem,
            "GET" if resource == Some("filesystem") => Operation::LakeList,
            "GET" | "HEAD" if whole => Operation::LakeFilesystemProperties,
            "DELETE" if whole => Operation::LakeDeleteFilesystem,
            "HEAD" if comp.is_none() => Operation::LakeHead,
            _ => Operation::LakeOther,
        };
    }
    match (method, query.get("action")) {
        ("PUT", _) if headers.contains_key("x-ms-rename-source") => Operation::LakeRename,
        ("PUT", _) if matches!(resource, Some("file" | "directory")) => Operation::LakeCreatePath,
        ("PATCH", Some("append")) => Operation::LakeAppend,
        ("PATCH", Some("flush")) => Operation::LakeFlush,
        ("GET", _) if comp.is_none() => Operation::LakeRead,
        ("HEAD", _) if comp.is_none() => Operation::LakeHead,
        ("DELETE", _) if comp.is_none() => Operation::LakeDelete,
        _ => Operation::LakeOther,
    }
}
