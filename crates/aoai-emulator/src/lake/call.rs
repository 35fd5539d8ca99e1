//! From method, path and query to the operation that is meant.

use axum::http::{HeaderMap, Method};
use percent_encoding::percent_decode_str;

use super::refusal::{ErrorForm, LakeError};
use crate::server::{Operation, Query};

/// The longest path, in characters (Microsoft Learn, "Naming and referencing containers, blobs, and metadata").
const MAX_PATH: usize = 1024;

/// A request to a storage account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LakeCall {
    pub(crate) account: String,
    /// Empty where the request is about the account.
    pub(crate) filesystem: String,
    /// Segments joined by `/`; empty for the root.
    pub(crate) path: String,
    pub(crate) operation: Operation,
    pub(crate) form: ErrorForm,
}

impl LakeCall {
    /// `None` where the first segment is no account of ours.
    pub(crate) fn parse(
        method: &Method,
        path: &str,
        query: &Query,
        headers: &HeaderMap,
        is_account: impl Fn(&str) -> bool,
    ) -> Option<Result<Self, LakeError>> {
        let decoded = percent_decode_str(path).decode_utf8_lossy();
        let mut segments = decoded.split('/').filter(|segment| !segment.is_empty());
        let account = segments.next().filter(|name| is_account(name))?.to_owned();
        let filesystem = segments.next().unwrap_or_default().to_owned();
        let path = segments.collect::<Vec<_>>().join("/");
        let form = if query.get("restype").is_some() || query.get("comp").is_some() {
            ErrorForm::Xml
        } else {
            ErrorForm::Json
        };
        if path.chars().count() > MAX_PATH {
            return Some(Err(LakeError::bad(
                "InvalidUri",
                "The request URI is invalid: the path is too long.",
            )));
        }
        let operation = operation(method, &filesystem, &path, query, headers);
        Some(Ok(Self { account, filesystem, path, operation, form }))
    }
}

fn operation(method: &Method, filesystem: &str, path: &str, query: &Query, headers: &HeaderMap) -> Operation {
    let is_container =
        query.get("restype") == Some("container") || query.get("resource") == Some("filesystem");
    let comp = query.get("comp");
    if filesystem.is_empty() {
        return Operation::LakeOther;
    }
    if is_container && path.is_empty() {
        return match method.as_str() {
            "PUT" if comp.is_none() => Operation::LakeCreateFilesystem,
            "DELETE" => Operation::LakeDeleteFilesystem,
            "HEAD" => Operation::LakeFilesystemProperties,
            "GET" if query.get("resource") == Some("filesystem") => Operation::LakeList,
            "GET" if comp.is_none() => Operation::LakeFilesystemProperties,
            _ => Operation::LakeOther,
        };
    }
    match (method.as_str(), comp) {
        ("PUT", Some("lease")) => Operation::LakeLease,
        ("PUT", Some("metadata" | "properties")) => Operation::LakeSetProperties,
        ("PUT", None) if headers.contains_key("x-ms-rename-source") => Operation::LakeRename,
        ("PUT", None) if query.get("resource").is_some() => Operation::LakeCreatePath,
        ("PATCH", None) => match query.get("action") {
            Some("append") => Operation::LakeAppend,
            Some("flush") => Operation::LakeFlush,
            Some("setProperties" | "setAccessControl") => Operation::LakeSetProperties,
            _ => Operation::LakeOther,
        },
        ("GET", None) => Operation::LakeRead,
        ("HEAD", _) => Operation::LakeHead,
        ("GET", Some("metadata")) => Operation::LakeHead,
        ("DELETE", None) => Operation::LakeDelete,
        _ => Operation::LakeOther,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(method: &Method, url: &str) -> Option<Result<LakeCall, LakeError>> {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        LakeCall::parse(method, path, &Query::parse(query), &HeaderMap::new(), |name| name == "acct")
    }

    #[test]
    fn names_are_decoded_and_empty_segments_fall_out() {
        let call = parse(&Method::HEAD, "/acct/in//a%20b/%3F%23%25%5C%C3%BC").unwrap().unwrap();
        assert_eq!((call.filesystem.as_str(), call.path.as_str()), ("in", "a b/?#%\\ü"));
        assert_eq!(call.operation, Operation::LakeHead);
        assert!(parse(&Method::HEAD, "/other/in/a").is_none());
    }

    #[test]
    fn both_dialects_name_the_same_filesystem_operations() {
        for url in ["/acct/in?restype=container", "/acct/in?resource=filesystem"] {
            assert_eq!(parse(&Method::PUT, url).unwrap().unwrap().operation, Operation::LakeCreateFilesystem);
            assert_eq!(
                parse(&Method::HEAD, url).unwrap().unwrap().operation,
                Operation::LakeFilesystemProperties
            );
        }
        let list = parse(&Method::GET, "/acct/in?resource=filesystem&recursive=true").unwrap().unwrap();
        assert_eq!(list.operation, Operation::LakeList);
        let exists = parse(&Method::GET, "/acct/in?restype=container").unwrap().unwrap();
        assert_eq!((exists.operation, exists.form), (Operation::LakeFilesystemProperties, ErrorForm::Xml));
    }

    #[test]
    fn a_path_of_1025_characters_is_refused() {
        assert!(parse(&Method::HEAD, &format!("/acct/in/{}", "x".repeat(1024))).unwrap().is_ok());
        assert!(parse(&Method::HEAD, &format!("/acct/in/{}", "x".repeat(1025))).unwrap().is_err());
    }
}
