//! `PUT ?comp=lease`, and the DFS form of the same.

use axum::{http::StatusCode, response::Response};

use super::{
    LakeError,
    answer::Asked,
    conditions,
    lease::LeaseAction,
    reply::{set, versioned},
};

pub(super) fn lease(asked: &Asked<'_>) -> Result<Response, LakeError> {
    let headers = &asked.parts.headers;
    let action = LeaseAction::parse(headers)?;
    let now = asked.state.clock.now();
    let mut lake = asked.state.lake();
    let node = lake.filesystem(asked.at)?.get_mut(&asked.at.key).ok_or_else(LakeError::path_not_found)?;
    conditions::check_write(headers, Some(node))?;
    let done = action.apply(&mut node.lease, now)?;
    let status = StatusCode::from_u16(done.status).unwrap_or(StatusCode::OK);
    let mut response = versioned(status, &node.etag, node.modified);
    if let Some(id) = &done.id {
        set(response.headers_mut(), "x-ms-lease-id", id);
    }
    if let Some(left) = done.left {
        set(response.headers_mut(), "x-ms-lease-time", &left.to_string());
    }
    Ok(response)
}
