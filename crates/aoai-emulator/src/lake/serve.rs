//! One request to a storage account, from its gate to its answer.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, Method, StatusCode},
    response::Response,
};
use futures::StreamExt;

use super::{
    call::LakeCall,
    create, data, filesystems, gate, listing, properties,
    refusal::{ErrorForm, LakeError},
    removal, rename, reply,
};
use crate::{
    clock::wall_now,
    server::{Operation, Peer, Query},
    state::Shared,
};

/// What a request says of its protocol version where it says nothing.
const VERSION: &str = "2023-11-03";

/// Answers a request.
pub(crate) async fn serve(
    state: &Shared,
    call: Result<LakeCall, LakeError>,
    query: &Query,
    peer: &Peer,
    request: Request,
) -> Response {
    let request_id = uuid::Uuid::new_v4().to_string();
    let (method, headers) = (request.method().clone(), request.headers().clone());
    let form = call.as_ref().map_or(ErrorForm::Json, |call| call.form);
    let answered = match call {
        Ok(call) => run(state, &call, query, peer, request).await,
        Err(error) => {
            drain(request.into_body()).await;
            Err(error)
        }
    };
    let mut response = answered.unwrap_or_else(|error| error.into_response(form, &request_id));
    let no_body = method == Method::HEAD || response.status() == StatusCode::NOT_MODIFIED;
    if no_body && !response.status().is_success() {
        *response.body_mut() = Body::empty();
        response.headers_mut().remove("content-type");
    }
    tag(&mut response, &headers, &request_id);
    response
}

async fn run(
    state: &Shared,
    call: &LakeCall,
    query: &Query,
    peer: &Peer,
    request: Request,
) -> Result<Response, LakeError> {
    let (parts, body) = request.into_parts();
    if let Err(error) = gate::admit(state, call, query, peer, &parts) {
        drain(body).await;
        return Err(error);
    }
    let headers = &parts.headers.clone();
    if call.operation == Operation::LakeAppend {
        return data::append(state, call, query, Request::from_parts(parts, body)).await;
    }
    drain(body).await;
    match call.operation {
        Operation::LakeCreateFilesystem => filesystems::create(&mut state.lake(), call),
        Operation::LakeFilesystemProperties => filesystems::properties(&mut state.lake(), call),
        Operation::LakeDeleteFilesystem => filesystems::delete(&mut state.lake(), call),
        Operation::LakeCreatePath => create::create(state, call, query, headers).await,
        Operation::LakeRename => rename::rename(state, call, headers),
        Operation::LakeFlush => data::flush(state, call, query, headers),
        Operation::LakeRead => data::read(state, call, headers).await,
        Operation::LakeHead => properties::head(state, call, headers),
        Operation::LakeSetProperties => properties::set(state, call, query, headers),
        Operation::LakeLease => properties::lease(state, call, headers),
        Operation::LakeList => listing::list(state, call, query),
        Operation::LakeDelete => removal::delete(state, call, query, headers),
        _ => Err(LakeError::bad(
            "UnsupportedOperation",
            "This emulator does not have the operation: it speaks the DFS endpoint and the blob calls that its clients mix in.",
        )),
    }
}

/// Reads what the client still sends: closing under its hands would cost it the answer.
async fn drain(body: Body) {
    let mut chunks = body.into_data_stream();
    while let Some(Ok(_)) = chunks.next().await {}
}

/// What every answer of the service carries; the legacy Rust client cannot read one without.
fn tag(response: &mut Response, request: &HeaderMap, request_id: &str) {
    let text = |name: &str| request.get(name).and_then(|value| value.to_str().ok());
    reply::set(response, "server", "Windows-Azure-HDFS/1.0 Microsoft-HTTPAPI/2.0");
    reply::set(response, "x-ms-request-id", request_id);
    reply::set(response, "x-ms-version", text("x-ms-version").unwrap_or(VERSION));
    reply::set(response, "date", &reply::http_date(wall_now()));
    if let Some(id) = text("x-ms-client-request-id") {
        reply::set(response, "x-ms-client-request-id", id);
    }
}
