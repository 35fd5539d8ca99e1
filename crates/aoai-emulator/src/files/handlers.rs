//! `GET` and `DELETE` of files.

use axum::{http::StatusCode, response::Response};
use serde_json::json;

use crate::{
    config::InUseDelete,
    server::{ApiError, Call, Page, Query, json as reply},
    state::Shared,
};

pub(crate) fn get(state: &Shared, call: &Call) -> Result<Response, ApiError> {
    let now = state.clock.now();
    let files = state.files();
    let file = files.get(&call.id, now).ok_or_else(|| missing(&call.id))?;
    Ok(reply(StatusCode::OK, &file.to_json(now, &state.config.wire)))
}

pub(crate) fn list(state: &Shared, call: &Call, query: &Query) -> Result<Response, ApiError> {
    let now = state.clock.now();
    let purpose = query.get("purpose");
    let files = state.files();
    let mut visible: Vec<_> = files
        .all(now)
        .filter(|file| file.visible_at <= now && purpose.is_none_or(|wanted| file.purpose == wanted))
        .collect();
    if !call.form.since("2025-03-01") {
        let data: Vec<_> = visible.iter().map(|file| file.to_json(now, &state.config.wire)).collect();
        return Ok(reply(StatusCode::OK, &json!({"object": "list", "data": data})));
    }
    match query.get("order") {
        Some("asc") => {}
        None | Some("desc") => visible.reverse(),
        Some(other) => return Err(ApiError::invalid(format!("order must be asc or desc, not '{other}'"))),
    }
    let limit = query.limit(1, 10_000, 10_000)?;
    let page = Page::cut(visible, query.get("after"), limit, |file| file.id.as_str())?;
    let data: Vec<_> = page.items.iter().map(|file| file.to_json(now, &state.config.wire)).collect();
    Ok(reply(
        StatusCode::OK,
        &json!({
            "object": "list",
            "data": data,
            "first_id": page.items.first().map(|file| &file.id),
            "last_id": page.items.last().map(|file| &file.id),
            "has_more": page.has_more,
        }),
    ))
}

pub(crate) fn delete(state: &Shared, call: &Call) -> Result<Response, ApiError> {
    let now = state.clock.now();
    if state.files().get(&call.id, now).is_none() {
        return Err(missing(&call.id));
    }
    let users = state.batches().users_of(&call.id, now);
    match state.config.files.delete_in_use {
        InUseDelete::Refuse if !users.is_empty() => {
            return Err(ApiError::conflict(format!("The file '{}' is in use by a batch.", call.id)));
        }
        InUseDelete::FailBatch => users.iter().for_each(|batch| batch.lose_input(now)),
        InUseDelete::FailRunning => users.iter().for_each(|batch| batch.fail_without_input(now)),
        InUseDelete::Allow | InUseDelete::Refuse => {}
    }
    let removed = state.files().remove(&call.id);
    if let Some(file) = removed.filter(|_| state.config.batches.run_deleted_inputs) {
        state.files().bury(file);
    }
    Ok(reply(StatusCode::OK, &json!({"object": "file", "id": call.id, "deleted": true})))
}

pub(super) fn missing(id: &str) -> ApiError {
    ApiError::not_found(format!("The file '{id}' was not found."))
}
