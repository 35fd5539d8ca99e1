//! Filesystems: create, look, delete.

use axum::{http::StatusCode, response::Response};

use super::{call::LakeCall, refusal::LakeError, reply, store::LakeStore};

pub(super) fn create(store: &mut LakeStore, call: &LakeCall) -> Result<Response, LakeError> {
    let name = &call.filesystem;
    let legal = (3..=63).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--");
    if !legal && name != "$root" && name != "$web" {
        return Err(LakeError::bad(
            "InvalidResourceName",
            "The specified resource name contains invalid characters.",
        ));
    }
    store.create_filesystem(&call.account, name)?;
    described(store, call, StatusCode::CREATED)
}

pub(super) fn properties(store: &mut LakeStore, call: &LakeCall) -> Result<Response, LakeError> {
    described(store, call, StatusCode::OK)
}

pub(super) fn delete(store: &mut LakeStore, call: &LakeCall) -> Result<Response, LakeError> {
    store.delete_filesystem(&call.account, &call.filesystem)?;
    Ok(reply::empty(StatusCode::ACCEPTED))
}

fn described(store: &mut LakeStore, call: &LakeCall, status: StatusCode) -> Result<Response, LakeError> {
    let hierarchical = store.account(&call.account)?.hierarchical;
    let filesystem = store.filesystem(&call.account, &call.filesystem)?;
    let mut response = reply::empty(status);
    reply::version(&mut response, &filesystem.root);
    reply::set(&mut response, "x-ms-creation-time", &reply::http_date(filesystem.created));
    for (name, value) in [
        ("x-ms-namespace-enabled", if hierarchical { "true" } else { "false" }),
        ("x-ms-lease-state", "available"),
        ("x-ms-lease-status", "unlocked"),
        ("x-ms-has-immutability-policy", "false"),
        ("x-ms-has-legal-hold", "false"),
    ] {
        reply::set(&mut response, name, value);
    }
    Ok(response)
}
