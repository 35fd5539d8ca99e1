//! Bytes go in (append, flush) and come out (read).

use std::sync::Arc;

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use tokio_util::io::ReaderStream;

use super::{
    call::LakeCall,
    conditions::{check_existing, text},
    node::Node,
    properties,
    refusal::LakeError,
    reply,
    tree::Tree,
};
use crate::{
    server::{Query, Wanted},
    state::Shared,
};

fn position(query: &Query) -> Result<u64, LakeError> {
    query.get("position").and_then(|text| text.parse().ok()).ok_or_else(|| {
        LakeError::bad(
            "MissingRequiredQueryParameter",
            "A query parameter that's mandatory is not specified: position.",
        )
    })
}

/// The file that is written to, if the request may.
fn writable<'a>(tree: &'a mut Tree, path: &str, headers: &HeaderMap) -> Result<&'a mut Node, LakeError> {
    let node = tree.get_mut(path).ok_or_else(LakeError::path_not_found)?;
    if node.is_directory() {
        return Err(LakeError::wrong_type());
    }
    node.lease.check(text(headers, "x-ms-lease-id"))?;
    Ok(node)
}

/// `PATCH ?action=append&position=`: onto the disk behind the committed bytes while they come in.
pub(super) async fn append(
    state: &Shared,
    call: &LakeCall,
    query: &Query,
    request: Request,
) -> Result<Response, LakeError> {
    let position = position(query)?;
    let headers = request.headers().clone();
    let content = {
        let mut store = state.lake();
        let tree = &mut store.filesystem(&call.account, &call.filesystem)?.tree;
        let node = writable(tree, &call.path, &headers)?;
        let file = node.file().ok_or_else(LakeError::wrong_type)?;
        // Committed bytes are never changed by an append; the service's code for this is not documented.
        if position < file.length {
            return Err(LakeError::bad(
                "InvalidFlushPosition",
                "The position is before the end of the committed data.",
            ));
        }
        file.content.clone()
    };
    let written =
        content.write_at(position, request.into_body()).await.map_err(|error| LakeError::disk(&error))?;
    let mut store = state.lake();
    let tree = &mut store.filesystem(&call.account, &call.filesystem)?.tree;
    let node = writable(tree, &call.path, &headers)?;
    let file = node.file_mut().ok_or_else(LakeError::wrong_type)?;
    if !Arc::ptr_eq(&file.content, &content) {
        // Overwritten meanwhile: these bytes are nobody's.
        return Err(LakeError::precondition("ConditionNotMet"));
    }
    file.appended(position, position + written);
    if query.get("flush") == Some("true") {
        file.flush(position + written, false)?;
        node.touch();
        return Ok(reply::written(StatusCode::ACCEPTED, node));
    }
    let mut response = reply::empty(StatusCode::ACCEPTED);
    reply::set(&mut response, "x-ms-request-server-encrypted", "true");
    Ok(response)
}

/// `PATCH ?action=flush&position=`: what was appended becomes the content.
pub(super) fn flush(
    state: &Shared,
    call: &LakeCall,
    query: &Query,
    headers: &HeaderMap,
) -> Result<Response, LakeError> {
    let position = position(query)?;
    let mut store = state.lake();
    let tree = &mut store.filesystem(&call.account, &call.filesystem)?.tree;
    let node = writable(tree, &call.path, headers)?;
    // An upload without overwriting flushes a file that it has not made: there has to be nothing in it.
    if text(headers, "if-none-match") == Some("*") && node.length() > 0 {
        return Err(LakeError::path_already_exists());
    }
    if text(headers, "if-none-match") != Some("*") {
        check_existing(headers, node)?;
    }
    let retain = query.get("retainUncommittedData") == Some("true");
    node.file_mut().ok_or_else(LakeError::wrong_type)?.flush(position, retain)?;
    properties::apply(node, headers)?;
    node.touch();
    let mut response = reply::written(StatusCode::OK, node);
    reply::set(&mut response, "content-length", "0");
    Ok(response)
}

/// `GET`: the committed bytes, or a range of them.
pub(super) async fn read(
    state: &Shared,
    call: &LakeCall,
    headers: &HeaderMap,
) -> Result<Response, LakeError> {
    let node = {
        let mut store = state.lake();
        let filesystem = store.filesystem(&call.account, &call.filesystem)?;
        filesystem.find(&call.path).ok_or_else(LakeError::path_not_found)?.clone()
    };
    check_existing(headers, &node)?;
    let mut response = reply::empty(StatusCode::OK);
    reply::describe(&mut response, &node);
    let Some(file) = node.file() else {
        // A directory reads as an empty blob.
        return Ok(response);
    };
    let range = text(headers, "x-ms-range").or_else(|| text(headers, "range"));
    let wanted = range.map_or(Wanted::All, |range| Wanted::parse(range, file.length));
    let (start, length) = match wanted {
        Wanted::All => (0, file.length),
        Wanted::Part { first, last } => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            reply::set(&mut response, "content-range", &format!("bytes {first}-{last}/{}", file.length));
            (first, last - first + 1)
        }
        Wanted::Nothing => {
            return Err(LakeError::new(
                StatusCode::RANGE_NOT_SATISFIABLE,
                "InvalidRange",
                "The range specified is invalid for the current size of the resource.",
            ));
        }
    };
    let bytes = file.content.read(start, length).await.map_err(|error| LakeError::disk(&error))?;
    // The stream holds the content, so that an overwrite does not take the disk file away.
    let content = file.content.clone();
    let chunks = futures::StreamExt::map(ReaderStream::with_capacity(bytes, 256 << 10), move |chunk| {
        let _held = &content;
        chunk
    });
    *response.body_mut() = Body::from_stream(chunks);
    reply::set(&mut response, "content-length", &length.to_string());
    Ok(response)
}
