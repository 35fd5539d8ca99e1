//! Filesystems as a whole.

use axum::{
    http::{HeaderMap, Method, StatusCode},
    response::Response,
};
use serde_json::json;

use super::{
    Filesystem, LakeError, Node,
    answer::Asked,
    conditions, dates,
    lease::{LeaseState, check_read, check_write},
    properties,
    reply::{empty, set, versioned, wanted},
    store::is_filesystem_name,
};
use crate::server;

pub(super) fn create(asked: &Asked<'_>) -> Result<Response, LakeError> {
    if !is_filesystem_name(&asked.at.filesystem) {
        return Err(LakeError::invalid_resource_name());
    }
    let now = asked.state.clock.now();
    let mut filesystem = Filesystem::new(now);
    properties::from_headers(&mut filesystem.root, &asked.parts.headers)?;
    let mut lake = asked.state.lake();
    let account = lake.account(&asked.at.account)?;
    if account.filesystems.contains_key(&asked.at.filesystem) {
        return Err(LakeError::filesystem_exists());
    }
    let mut response = versioned(StatusCode::CREATED, &filesystem.root.etag, now);
    namespace(response.headers_mut(), account.hierarchical);
    account.filesystems.insert(asked.at.filesystem.clone(), filesystem);
    Ok(response)
}

pub(super) fn properties(asked: &Asked<'_>) -> Result<Response, LakeError> {
    let headers = &asked.parts.headers;
    let now = asked.state.clock.now();
    let mut lake = asked.state.lake();
    let hierarchical = lake.account(&asked.at.account)?.hierarchical;
    let root = &lake.filesystem(asked.at)?.root;
    check_read(root.lease.as_ref(), wanted(headers, "x-ms-lease-id"), now)?;
    let mut response = versioned(StatusCode::OK, &root.etag, root.modified);
    let headers = response.headers_mut();
    namespace(headers, hierarchical);
    describe_lease(headers, root, now);
    properties::to_headers(headers, root);
    set(headers, "x-ms-has-immutability-policy", "false");
    set(headers, "x-ms-has-legal-hold", "false");
    Ok(response)
}

pub(super) fn delete(asked: &Asked<'_>) -> Result<Response, LakeError> {
    let headers = &asked.parts.headers;
    let now = asked.state.clock.now();
    let mut lake = asked.state.lake();
    let root = &lake.filesystem(asked.at)?.root;
    conditions::check_write(headers, Some(root))?;
    check_write(root.lease.as_ref(), wanted(headers, "x-ms-lease-id"), now)?;
    // The real service keeps the name blocked for half a minute; tests would only wait for it.
    lake.account(&asked.at.account)?.filesystems.remove(&asked.at.filesystem);
    Ok(empty(StatusCode::ACCEPTED))
}

/// `GET /?resource=account`
pub(super) fn list(asked: &Asked<'_>) -> Result<Response, LakeError> {
    if asked.parts.method != Method::GET || asked.query.get("resource") != Some("account") {
        return Err(LakeError::unsupported());
    }
    let prefix = asked.query.get("prefix").unwrap_or_default();
    let mut lake = asked.state.lake();
    let all = &lake.account(&asked.at.account)?.filesystems;
    let entry = |(name, filesystem): (&String, &Filesystem)| {
        let modified = dates::http(filesystem.root.modified);
        json!({"name": name, "etag": filesystem.root.etag, "lastModified": modified})
    };
    let named = all.iter().filter(|(name, _)| name.starts_with(prefix));
    Ok(server::json(StatusCode::OK, &json!({"filesystems": named.map(entry).collect::<Vec<_>>()})))
}

fn namespace(headers: &mut HeaderMap, hierarchical: bool) {
    set(headers, "x-ms-namespace-enabled", if hierarchical { "true" } else { "false" });
}

pub(super) fn describe_lease(headers: &mut HeaderMap, node: &Node, now: crate::clock::Stamp) {
    let state = LeaseState::of(node.lease.as_ref(), now);
    set(headers, "x-ms-lease-state", state.name());
    set(headers, "x-ms-lease-status", if state.locks() { "locked" } else { "unlocked" });
    if let (LeaseState::Leased, Some(lease)) = (state, &node.lease) {
        let duration = if lease.seconds.is_some() { "fixed" } else { "infinite" };
        set(headers, "x-ms-lease-duration", duration);
    }
}
