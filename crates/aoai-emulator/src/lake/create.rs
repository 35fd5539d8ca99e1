//! Files and directories come into being.

use axum::{
    http::{HeaderMap, StatusCode},
    response::Response,
};

use super::{
    call::LakeCall,
    conditions::{check_target, text},
    content::Content,
    node::{FileBytes, Kind, Node},
    properties,
    refusal::LakeError,
    reply,
};
use crate::{server::Query, state::Shared};

/// `PUT ?resource=file|directory`.
pub(super) async fn create(
    state: &Shared,
    call: &LakeCall,
    query: &Query,
    headers: &HeaderMap,
) -> Result<Response, LakeError> {
    let mut node = match query.get("resource") {
        Some("directory") => Node::new(Kind::Directory),
        Some("file") => {
            let content = Content::create(state.body_dir()).await.map_err(|error| LakeError::disk(&error))?;
            Node::new(Kind::File(FileBytes::new(content)))
        }
        _ => return Err(LakeError::bad("InvalidQueryParameterValue", "resource is file or directory.")),
    };
    properties::apply(&mut node, headers)?;
    let mut store = state.lake();
    let tree = &mut store.filesystem(&call.account, &call.filesystem)?.tree;
    let standing = tree.get(&call.path);
    if let Some(standing) = standing {
        standing.lease.check(text(headers, "x-ms-lease-id"))?;
    }
    check_target(headers, standing)?;
    match standing {
        // Its children stay.
        Some(standing) if standing.is_directory() && node.is_directory() => {
            return Ok(reply::written(StatusCode::CREATED, standing));
        }
        Some(standing) if standing.is_directory() != node.is_directory() => {
            return Err(LakeError::wrong_type());
        }
        Some(standing) => node.lease = standing.lease.clone(),
        None => {}
    }
    tree.make_parents(&call.path)?;
    let response = reply::written(StatusCode::CREATED, &node);
    tree.put(&call.path, node);
    Ok(response)
}
