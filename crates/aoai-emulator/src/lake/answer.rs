//! One request to the storage half, from the gate to the answer.

use axum::{
    body::Body,
    extract::Request,
    http::{StatusCode, request::Parts},
    response::Response,
};
use futures::StreamExt;

use super::{
    Address, LakeCall, LakeError, Wire, append, conditions, create, delete, filesystems, gate, lease_calls,
    list, properties, read, rename, reply::Tags,
};
use crate::{
    server::{Operation, Peer, Query},
    state::Shared,
};

/// What every handler gets.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) state: &'a Shared,
    pub(super) at: &'a Address,
    pub(super) query: &'a Query,
    pub(super) parts: &'a Parts,
}

pub(crate) async fn answer(state: &Shared, call: LakeCall, peer: &Peer, request: Request) -> Response {
    let tags = Tags::new(request.headers(), state.clock.now());
    let (parts, body) = request.into_parts();
    let mut body = Some(body);
    let answered = run(state, &call, peer, &parts, &mut body).await;
    if let Some(rest) = body {
        // Closing under the hands of who still sends would cost it the answer.
        drain(rest).await;
    }
    let response = answered.unwrap_or_else(|error| error.into_response(call.wire, call.head, &tags));
    tags.tag(response)
}

/// What a fault rule without a body of its own answers.
pub(crate) fn injected(
    state: &Shared,
    call: &LakeCall,
    request_headers: &axum::http::HeaderMap,
    status: StatusCode,
) -> Response {
    let tags = Tags::new(request_headers, state.clock.now());
    let response = LakeError::injected(status).into_response(call.wire, call.head, &tags);
    tags.tag(response)
}

async fn run(
    state: &Shared,
    call: &LakeCall,
    peer: &Peer,
    parts: &Parts,
    body: &mut Option<Body>,
) -> Result<Response, LakeError> {
    let at = call.at.as_ref().map_err(Clone::clone)?;
    gate::admit(state, call, at, peer, parts)?;
    // Only now: the signature covers them.
    let unconditional = state.config.lake.ignore_conditions.then(|| conditions::without(parts));
    let asked = Asked { state, at, query: &call.query, parts: unconditional.as_ref().unwrap_or(parts) };
    let hierarchical = state.lake().account(&at.account)?.hierarchical;
    let on_path = !at.key.is_empty() || call.operation == Operation::LakeList;
    if !hierarchical && on_path && call.wire == Wire::Dfs {
        // A guess: the code is what the service has for features that the DFS endpoint cannot serve.
        let message = "This endpoint does not support accounts without a hierarchical namespace.";
        return Err(LakeError::conflict("EndpointUnsupportedAccountFeatures", message));
    }
    match call.operation {
        Operation::LakeCreateFilesystem => filesystems::create(&asked),
        Operation::LakeFilesystemProperties => filesystems::properties(&asked),
        Operation::LakeDeleteFilesystem => filesystems::delete(&asked),
        Operation::LakeCreatePath => create::create(&asked).await,
        Operation::LakeRename => rename::rename(&asked),
        Operation::LakeAppend => append::append(&asked, body.take().unwrap_or_default()).await,
        Operation::LakeFlush => append::flush(&asked).await,
        Operation::LakeRead => read::read(&asked).await,
        Operation::LakeHead => read::head(&asked),
        Operation::LakeList => list::list(&asked),
        Operation::LakeDelete => delete::delete(&asked),
        Operation::LakeLease => lease_calls::lease(&asked),
        _ if at.filesystem.is_empty() => filesystems::list(&asked),
        _ => properties::set(&asked),
    }
}

pub(super) async fn drain(body: Body) {
    let mut chunks = body.into_data_stream();
    while let Some(Ok(_)) = chunks.next().await {}
}
