//! `/_emulator/...`: the management interface for whoever runs in another process.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{FromRequest, Json, Request},
    http::StatusCode,
    response::Response,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use super::{ApiError, FaultRule, reply};
use crate::{Control, Result, lake::Address, state::Shared};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    #[serde(with = "humantime_serde")]
    by: Duration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Failure {
    code: String,
    message: String,
}

pub(super) async fn handle(state: &Shared, path: &str, request: Request) -> Response {
    run(&Control::new(state.clone()), path, request).await.unwrap_or_else(|error| error.into_response(None))
}

async fn run(control: &Control, path: &str, request: Request) -> std::result::Result<Response, ApiError> {
    let method = request.method().clone();
    let segments: Vec<&str> = path.split('/').collect();
    if let Some(rest) = path.strip_prefix("lake/") {
        return lake(control, rest, request).await;
    }
    let done = match (method.as_str(), segments.as_slice()) {
        ("GET", ["state"]) => return Ok(reply::json(StatusCode::OK, &control.snapshot().await)),
        ("GET", ["books"]) => return Ok(reply::json(StatusCode::OK, &control.books().await)),
        ("POST", ["clock", "advance"]) => {
            control.advance(body::<Advance>(request).await?.by);
            Ok(())
        }
        ("POST", ["faults"]) => {
            control.add_fault(body::<FaultRule>(request).await?);
            Ok(())
        }
        ("DELETE", ["faults"]) => {
            control.clear_faults();
            Ok(())
        }
        ("DELETE", ["files", id]) => control.delete_file(id),
        ("POST", ["files", id, "fail"]) => control.fail_file(id, &body::<Failure>(request).await?.message),
        ("POST", ["batches", id, "cancel"]) => control.cancel_batch(id),
        ("POST", ["batches", id, "expire"]) => control.expire_batch(id),
        ("POST", ["batches", id, "fail"]) => {
            let failure: Failure = body(request).await?;
            control.fail_batch(id, &failure.code, &failure.message)
        }
        _ => return Err(ApiError::resource_not_found()),
    };
    answer(control, done)
}

/// `lake/{account}/{filesystem}[/{path}]`, encoded as in storage URLs.
async fn lake(control: &Control, path: &str, request: Request) -> std::result::Result<Response, ApiError> {
    let refused = |error: &dyn std::fmt::Display| ApiError::invalid(error.to_string());
    let at = Address::parse(path).map_err(|error| refused(&error.message))?;
    let (account, filesystem) = (at.account.as_str(), at.filesystem.as_str());
    let done = match (request.method().as_str(), at.key.is_empty()) {
        ("GET", true) => {
            let entries = control.lake_entries(account, filesystem).await;
            let entries = entries.map_err(|error| ApiError::not_found(error.to_string()))?;
            return Ok(reply::json(StatusCode::OK, &entries));
        }
        ("PUT", false) => {
            let content =
                Bytes::from_request(request, &()).await.map_err(|error| refused(&error.body_text()))?;
            control.lake_put(account, filesystem, &at.path(), content.into()).await
        }
        ("DELETE", true) => control.lake_delete_filesystem(account, filesystem),
        _ => return Err(ApiError::resource_not_found()),
    };
    answer(control, done)
}

fn answer(control: &Control, done: Result<()>) -> std::result::Result<Response, ApiError> {
    done.map_err(|error| ApiError::not_found(error.to_string()))?;
    Ok(reply::json(StatusCode::OK, &json!({"now": control.now()})))
}

async fn body<T: DeserializeOwned>(request: Request) -> std::result::Result<T, ApiError> {
    let Json(value) =
        Json::from_request(request, &()).await.map_err(|error| ApiError::invalid(error.body_text()))?;
    Ok(value)
}
