//! `PATCH ?action=append` and `?action=flush`

use std::sync::Arc;

use axum::{
    body::{Body as Incoming, Bytes},
    http::StatusCode,
    response::Response,
};
use futures::StreamExt;

use super::{
    Body, LakeError, Node,
    answer::Asked,
    body::Appender,
    conditions,
    lease::check_write,
    properties,
    reply::{empty, set, versioned, wanted},
};

/// Bytes that are gathered before the disk is bothered.
const PIECE: usize = 256 * 1024;

pub(super) async fn append(asked: &Asked<'_>, incoming: Incoming) -> Result<Response, LakeError> {
    let flush = asked.query.get("flush") == Some("true");
    let started = position(asked).and_then(|position| Ok((position, body(asked)?)));
    let (position, body) = match started {
        Ok(started) => started,
        Err(error) => {
            super::answer::drain(incoming).await;
            return Err(error);
        }
    };
    // What is committed already cannot be changed; whether the rest fits is the flush's question.
    let floor = || committed(asked, &body);
    let written = receive(Appender::open(&body, position, floor).await?, incoming).await?;
    let (end, floor) = (written.position, written.floor);
    drop(written);
    with_file(asked, &body, |node| {
        if let Some(file) = &mut node.file {
            // As far as it was not written, it does not count.
            file.pending.add(position.max(floor), end);
        }
        Ok(())
    })?;
    if !flush {
        let mut response = empty(StatusCode::ACCEPTED);
        set(response.headers_mut(), "x-ms-request-server-encrypted", "true");
        return Ok(response);
    }
    let mut response = commit(asked, &body, end).await?;
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}

pub(super) async fn flush(asked: &Asked<'_>) -> Result<Response, LakeError> {
    let (position, body) = (position(asked)?, body(asked)?);
    commit(asked, &body, position).await
}

async fn receive(mut appender: Appender, incoming: Incoming) -> Result<Appender, LakeError> {
    let mut chunks = incoming.into_data_stream();
    let mut piece = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| LakeError::internal("receive an append", &error))?;
        piece.extend_from_slice(&chunk);
        if piece.len() >= PIECE {
            appender = appender.write(Bytes::from(std::mem::take(&mut piece))).await?;
        }
    }
    appender.write(Bytes::from(piece)).await
}

/// Makes the first `position` bytes what readers see.
async fn commit(asked: &Asked<'_>, body: &Arc<Body>, position: u64) -> Result<Response, LakeError> {
    let _alone = body.settle().await;
    let headers = &asked.parts.headers;
    let now = asked.state.clock.now();
    let retain = asked.query.get("retainUncommittedData") == Some("true");
    with_file(asked, body, |node| {
        conditions::check_write(headers, Some(node))?;
        let Some(file) = &mut node.file else { return Err(LakeError::path_conflict()) };
        if position < file.committed || !file.pending.cover(file.committed, position) {
            return Err(LakeError::invalid_flush_position());
        }
        file.committed = position;
        if retain {
            file.pending.cut_before(position);
        } else {
            file.pending.clear();
        }
        properties::from_headers(node, headers)?;
        node.touch(now);
        let mut response = versioned(StatusCode::OK, &node.etag, now);
        set(response.headers_mut(), "x-ms-request-server-encrypted", "false");
        Ok(response)
    })
}

fn position(asked: &Asked<'_>) -> Result<u64, LakeError> {
    let text = asked.query.get("position").ok_or_else(|| LakeError::missing_query("position"))?;
    text.parse().map_err(|_| LakeError::invalid_query("position"))
}

/// The body of the file that is meant.
fn body(asked: &Asked<'_>) -> Result<Arc<Body>, LakeError> {
    let mut lake = asked.state.lake();
    let node = lake.filesystem(asked.at)?.get(&asked.at.key).ok_or_else(LakeError::path_not_found)?;
    check_write(node.lease.as_ref(), wanted(&asked.parts.headers, "x-ms-lease-id"), asked.state.clock.now())?;
    node.file.as_ref().map(|file| file.body.clone()).ok_or_else(LakeError::path_conflict)
}

fn committed(asked: &Asked<'_>, body: &Arc<Body>) -> u64 {
    with_file(asked, body, |node| Ok(node.length())).unwrap_or(0)
}

/// Does something to the file, if it still is the one that was met at first: what was sent to a file that was
/// overwritten or moved meanwhile is lost, as on the service.
fn with_file<T>(
    asked: &Asked<'_>,
    body: &Arc<Body>,
    work: impl FnOnce(&mut Node) -> Result<T, LakeError>,
) -> Result<T, LakeError> {
    let mut lake = asked.state.lake();
    let node = lake.filesystem(asked.at)?.get_mut(&asked.at.key).ok_or_else(LakeError::path_not_found)?;
    if !node.file.as_ref().is_some_and(|file| Arc::ptr_eq(&file.body, body)) {
        return Err(LakeError::path_not_found());
    }
    check_write(node.lease.as_ref(), wanted(&asked.parts.headers, "x-ms-lease-id"), asked.state.clock.now())?;
    work(node)
}
