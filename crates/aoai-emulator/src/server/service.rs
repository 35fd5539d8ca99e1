//! One request from its first byte to its answer: faults, key, operation, faults again.

use std::{convert::Infallible, net::SocketAddr, sync::PoisonError, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{ConnectInfo, DefaultBodyLimit, Request, State as AxumState, connect_info::Connected},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::Response,
    serve::{IncomingStream, Listener},
};
use futures::{StreamExt, stream};

use super::{
    ApiError, Call, FaultEffect, Operation, Query, auth,
    listener::{KillSwitch, Peer},
    manage, reply,
};
use crate::{batches, entra, files, lake, lake::LakeCall, state::Shared};

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
    if let Some(rest) = path.strip_prefix("/_emulator/") {
        return Ok(reply::tag(manage::handle(&state, rest, request).await));
    }
    let target = Target::of(&state, &request, peer);
    let switch = target.peer().switch.clone();
    Ok(with_faults(&state, &switch, &path, target, request).await)
}

/// Which part of the emulator a request goes to.
#[derive(Clone)]
enum Target {
    Entra(entra::Endpoint, Peer),
    Lake(LakeCall, Peer),
    OpenAi(Result<Call, ApiError>, Query, Peer),
}

impl Target {
    fn of(state: &Shared, request: &Request, peer: Peer) -> Self {
        let path = request.uri().path();
        if let Some(endpoint) = entra::Endpoint::of(request.method(), path, &state.config.entra.tenant) {
            return Self::Entra(endpoint, peer);
        }
        let query = Query::parse(request.uri().query().unwrap_or_default());
        let account = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        if state.lake().has(account) {
            return Self::Lake(LakeCall::parse(request.method(), path, query, request.headers()), peer);
        }
        Self::OpenAi(Call::parse(request.method(), path, &query), query, peer)
    }

    fn peer(&self) -> &Peer {
        match self {
            Self::Entra(_, peer) | Self::Lake(_, peer) | Self::OpenAi(_, _, peer) => peer,
        }
    }

    fn operation(&self) -> Option<Operation> {
        match self {
            Self::Entra(..) => None,
            Self::Lake(call, _) => Some(call.operation),
            Self::OpenAi(call, ..) => call.as_ref().ok().map(|call| call.operation),
        }
    }
}

async fn with_faults(
    state: &Shared,
    connection: &KillSwitch,
    path: &str,
    target: Target,
    request: Request,
) -> Response {
    let operation = target.operation();
    if let Some(operation) = operation {
        state.count(operation);
    }
    let method = request.method().clone();
    let effects =
        state.faults.lock().unwrap_or_else(PoisonError::into_inner).strike(method.as_str(), operation, path);
    let mut last = None;
    for effect in effects {
        match effect {
            FaultEffect::Delay { ms } => tokio::time::sleep(Duration::from_millis(ms)).await,
            other => last = Some(other),
        }
    }
    match last {
        None | Some(FaultEffect::Delay { .. }) => answer(state, target, request).await,
        Some(FaultEffect::Status { code, body, retry_after, headers }) => {
            let (parts, sent) = request.into_parts();
            drain(sent).await;
            let mut response = scripted(state, &target, &parts.headers, code, body);
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
            let response = answer(state, target, request).await;
            connection.kill();
            response
        }
        Some(FaultEffect::StatusAfter { code }) => {
            let headers = request.headers().clone();
            answer(state, target.clone(), request).await;
            scripted(state, &target, &headers, code, None)
        }
        Some(FaultEffect::LateAnswer { ms }) => {
            let response = answer(state, target, request).await;
            tokio::time::sleep(Duration::from_millis(ms)).await;
            response
        }
        Some(FaultEffect::Late { ms }) => {
            // All of it has come, so that it can go on without its connection.
            let (parts, body) = request.into_parts();
            if let Ok(body) = axum::body::to_bytes(body, usize::MAX).await {
                let request = Request::from_parts(parts, body.into());
                let later = state.clone();
                state.spawn(async move {
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                    answer(&later, target, request).await;
                });
            }
            connection.kill();
            Response::default()
        }
        Some(FaultEffect::TruncateBody { bytes }) => {
            let response = answer(state, target, request).await;
            truncate(response, bytes, connection.clone())
        }
    }
}

async fn answer(state: &Shared, target: Target, request: Request) -> Response {
    let (call, query) = match target {
        Target::Entra(endpoint, peer) => {
            return reply::tag(entra::answer(state, endpoint, peer.tls, request).await);
        }
        // Storage tags its answers in its own way.
        Target::Lake(call, peer) => return lake::answer(state, call, &peer, request).await,
        Target::OpenAi(call, query, _) => (call, query),
    };
    let form = call.as_ref().ok().map(|call| call.form.clone());
    let checked = call.and_then(|call| auth::check(request.headers(), state).map(|()| call));
    let answered = match checked {
        Ok(call) => run(state, &call, &query, request).await,
        Err(error) => {
            drain(request.into_body()).await;
            Err(error)
        }
    };
    reply::tag(answered.unwrap_or_else(|error| error.into_response(form.as_ref())))
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
        // The other half's.
        _ => Err(ApiError::resource_not_found()),
    }
}

/// Reads what the client still sends: closing under its hands would cost it the answer.
async fn drain(body: Body) {
    let mut chunks = body.into_data_stream();
    while let Some(Ok(_)) = chunks.next().await {}
}

fn scripted(
    state: &Shared,
    target: &Target,
    headers: &HeaderMap,
    code: u16,
    body: Option<String>,
) -> Response {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match (body, target) {
        (None, Target::Lake(call, _)) => lake::injected(state, call, headers, status),
        (None, _) => {
            ApiError::new(status, &code.to_string(), "fault injected by the emulator").into_response(None)
        }
        (Some(body), _) => {
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
    let told = parts.headers.contains_key(axum::http::header::CONTENT_LENGTH);
    if let Some(length) = axum::body::HttpBody::size_hint(&body).exact().filter(|_| !told) {
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
