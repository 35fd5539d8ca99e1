//! One request from its first byte to its answer: faults, key or token, operation, faults again.

use std::{convert::Infallible, net::SocketAddr, sync::PoisonError, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{ConnectInfo, DefaultBodyLimit, Request, State as AxumState, connect_info::Connected},
    http::{HeaderName, HeaderValue, StatusCode},
    response::Response,
    serve::{IncomingStream, Listener},
};
use futures::{StreamExt, stream};

use super::{
    ApiError, Call, FaultEffect, Operation, Query, auth,
    listener::{KillSwitch, Peer},
    manage, reply,
};
use crate::{
    batches, entra, files,
    lake::{self, LakeCall},
    state::Shared,
};

/// Serves until it is dropped or aborted.
pub(crate) async fn serve<L>(listener: L, state: Shared)
where
    L: Listener<Addr = SocketAddr>,
    for<'a> Peer: Connected<IncomingStream<'a, L>>,
{
    // The file limit is checked while a file is written; imports and creates are small.
    let app = Router::new().fallback(handle).layer(DefaultBodyLimit::disable()).with_state(state);
    let service = app.into_make_service_with_connect_info::<Peer>();
    if let Err(error) = axum::serve(listener, service).await {
        tracing::error!(%error, "the emulator stopped serving");
    }
}

async fn handle(
    AxumState(state): AxumState<Shared>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
) -> Result<Response, Infallible> {
    let path = request.uri().path().to_owned();
    let tenant = &state.config.entra.tenant;
    if let Some(rest) = path.strip_prefix("/_emulator/") {
        return Ok(reply::tag(manage::handle(&state, rest, request).await));
    }
    if let Some(endpoint) = entra::Endpoint::of(request.method(), &path, tenant) {
        let answer = |request| entra::answer(&state, endpoint, peer.tls, request);
        return Ok(reply::tag(with_faults(&state, &peer.switch, None, request, answer).await));
    }
    let query = Query::parse(request.uri().query().unwrap_or_default());
    let is_account = |name: &str| state.is_account(name);
    if let Some(call) = LakeCall::parse(request.method(), &path, &query, request.headers(), is_account) {
        let operation = call.as_ref().ok().map(|call| call.operation);
        let answer = |request| lake::serve(&state, call, &query, &peer, request);
        return Ok(with_faults(&state, &peer.switch, operation, request, answer).await);
    }
    let call = Call::parse(request.method(), &path, &query);
    let operation = call.as_ref().ok().map(|call| call.operation);
    let answer = |request| answer(&state, call, &query, request);
    Ok(reply::tag(with_faults(&state, &peer.switch, operation, request, answer).await))
}

/// `answer` is what happens where no fault gets in the way.
async fn with_faults<Answering: Future<Output = Response>>(
    state: &Shared,
    connection: &KillSwitch,
    operation: Option<Operation>,
    request: Request,
    answer: impl FnOnce(Request) -> Answering,
) -> Response {
    if let Some(operation) = operation {
        state.count(operation);
    }
    let effects = {
        let mut faults = state.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.strike(request.method().as_str(), operation, request.uri().path())
    };
    let mut last = None;
    for effect in effects {
        match effect {
            FaultEffect::Delay { ms } => tokio::time::sleep(Duration::from_millis(ms)).await,
            other => last = Some(other),
        }
    }
    match last {
        None | Some(FaultEffect::Delay { .. }) => answer(request).await,
        Some(FaultEffect::Status { code, body, retry_after, headers }) => {
            drain(request.into_body()).await;
            let mut response = scripted(code, body);
            let retry_after = retry_after.map(|seconds| ("retry-after".to_owned(), seconds.to_string()));
            for (name, value) in headers.into_iter().chain(retry_after) {
                if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                    response.headers_mut().insert(name, value);
                }
            }
            response
        }
        Some(FaultEffect::ResetBefore) => {
            connection.kill();
            Response::default()
        }
        Some(FaultEffect::ResetAfter) => {
            let response = answer(request).await;
            connection.kill();
            response
        }
        Some(FaultEffect::TruncateBody { bytes }) => {
            let response = answer(request).await;
            truncate(response, bytes, connection.clone())
        }
    }
}

async fn answer(state: &Shared, call: Result<Call, ApiError>, query: &Query, request: Request) -> Response {
    let form = call.as_ref().ok().map(|call| call.form.clone());
    let checked = call.and_then(|call| auth::check(request.headers(), state).map(|()| call));
    let answered = match checked {
        Ok(call) => run(state, &call, query, request).await,
        Err(error) => {
            drain(request.into_body()).await;
            Err(error)
        }
    };
    answered.unwrap_or_else(|error| error.into_response(form.as_ref()))
}

async fn run(state: &Shared, call: &Call, query: &Query, request: Request) -> Result<Response, ApiError> {
    match call.operation {
        Operation::UploadFile => files::upload(state, call, request).await,
        Operation::ImportFile => files::import(state, call, request).await,
        Operation::GetFile => files::get(state, call),
        Operation::ListFiles => files::list(state, call, query),
        Operation::DeleteFile => files::delete(state, call),
        Operation::FileContent => files::content(state, call, request.headers()).await,
        Operation::CreateBatch => batches::create(state, call, request).await,
        Operation::GetBatch => batches::get(state, call).await,
        Operation::ListBatches => batches::list(state, call, query).await,
        Operation::CancelBatch => batches::cancel(state, call).await,
        _ => Err(ApiError::resource_not_found()),
    }
}

/// Reads what the client still sends: closing under its hands would cost it the answer.
async fn drain(body: Body) {
    let mut chunks = body.into_data_stream();
    while let Some(Ok(_)) = chunks.next().await {}
}

fn scripted(code: u16, body: Option<String>) -> Response {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match body {
        None => {
            ApiError::new(status, &code.to_string(), "fault injected by the emulator").into_response(None)
        }
        Some(body) => {
            let mut response = Response::new(Body::from(body));
            *response.status_mut() = status;
            let json_type = HeaderValue::from_static("application/json; charset=utf-8");
            response.headers_mut().insert(axum::http::header::CONTENT_TYPE, json_type);
            response
        }
    }
}

/// Announces the whole body, sends the first bytes of it, and cuts the connection.
fn truncate(response: Response, bytes: usize, connection: KillSwitch) -> Response {
    let (mut parts, body) = response.into_parts();
    if let Some(length) = axum::body::HttpBody::size_hint(&body).exact() {
        parts.headers.insert(axum::http::header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    let mut left = bytes;
    let head = body.into_data_stream().map(move |chunk| {
        let mut chunk = chunk.unwrap_or_default();
        chunk.truncate(left);
        left -= chunk.len();
        chunk
    });
    let head =
        head.take_while(|chunk| std::future::ready(!chunk.is_empty())).map(Ok::<Bytes, std::io::Error>);
    let cut = stream::once(async move {
        // The bytes before have to be on the wire first, and the server flushes when a body makes it wait.
        tokio::time::sleep(Duration::from_millis(50)).await;
        connection.kill();
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionAborted))
    });
    Response::from_parts(parts, Body::from_stream(head.chain(cut)))
}
