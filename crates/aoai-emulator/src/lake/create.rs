//! `PUT ?resource=file|directory`

use axum::{http::StatusCode, response::Response};

use super::{
    Body, LakeError, Node,
    answer::Asked,
    conditions,
    lease::check_write,
    properties,
    reply::{set, versioned, wanted},
};

pub(super) async fn create(asked: &Asked<'_>) -> Result<Response, LakeError> {
    let body = match asked.query.get("resource") {
        Some("file") => Some(Body::create(asked.state.body_dir()).await?),
        _ => None,
    };
    let headers = &asked.parts.headers;
    let now = asked.state.clock.now();
    let mut node = match body {
        Some(body) => Node::file(body, 0, now),
        None => Node::directory(now),
    };
    properties::from_headers(&mut node, headers)?;
    let mut lake = asked.state.lake();
    let filesystem = lake.filesystem(asked.at)?;
    let existing = filesystem.get(&asked.at.key);
    conditions::check_create(headers, existing)?;
    if let Some(existing) = existing {
        if existing.is_directory() != node.is_directory() {
            return Err(LakeError::path_conflict());
        }
        check_write(existing.lease.as_ref(), wanted(headers, "x-ms-lease-id"), now)?;
        node.lease.clone_from(&existing.lease);
    }
    let mut response = versioned(StatusCode::CREATED, &node.etag, now);
    set(response.headers_mut(), "x-ms-request-server-encrypted", "true");
    filesystem.insert(&asked.at.key, node, now)?;
    Ok(response)
}
