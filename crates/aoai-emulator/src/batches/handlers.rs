//! `GET` of batches and `POST .../cancel`.

use axum::{http::StatusCode, response::Response};
use serde_json::json;

use super::{selection::Selection, settle, view};
use crate::{
    config::{CancelOfTerminal, ListOrder},
    server::{ApiError, Call, Page, Query, json as reply},
    state::Shared,
};

pub(crate) async fn get(state: &Shared, call: &Call) -> Result<Response, ApiError> {
    let batch = state.batches().get(&call.id).ok_or_else(|| missing(&call.id))?;
    settle(state, &batch).await;
    Ok(reply(StatusCode::OK, &view::to_json(&batch, state.clock.now(), &call.form, &state.config.wire)))
}

pub(crate) async fn list(state: &Shared, call: &Call, query: &Query) -> Result<Response, ApiError> {
    let config = &state.config.batches;
    let limit = query.limit(1, 100, 20)?;
    let limit = if config.ignore_limit { usize::MAX } else { limit };
    let selection = Selection::of(call, query, config.list_filter)?;
    let now = state.clock.now();
    let mut visible: Vec<_> =
        state.batches().all().iter().filter(|batch| batch.visible_at <= now).cloned().collect();
    let ascending = selection.ascending.unwrap_or(config.list_order == ListOrder::OldestFirst);
    if !ascending {
        visible.reverse();
    }
    visible
        .retain(|batch| selection.admits(batch.created_at.unix_seconds(), batch.moment(now).status.name()));
    let page = Page::cut(visible, query.get("after"), limit, |batch| batch.id.as_str())?;
    for batch in &page.items {
        settle(state, batch).await;
    }
    let now = state.clock.now();
    let data: Vec<_> =
        page.items.iter().map(|batch| view::to_json(batch, now, &call.form, &state.config.wire)).collect();
    let mut list = json!({
        "object": "list",
        "first_id": page.items.first().map(|batch| &batch.id),
        "last_id": page.items.last().map(|batch| &batch.id),
        "has_more": page.has_more,
    });
    list[if state.config.wire.value_lists { "value" } else { "data" }] = data.into();
    Ok(reply(StatusCode::OK, &list))
}

pub(crate) async fn cancel(state: &Shared, call: &Call) -> Result<Response, ApiError> {
    let batch = state.batches().get(&call.id).ok_or_else(|| missing(&call.id))?;
    settle(state, &batch).await;
    let now = state.clock.now();
    let steered = batch.steer(now, |steering| {
        steering.cancelled.get_or_insert(now);
    });
    if !steered {
        let message =
            format!("The batch '{}' is {} and cannot be cancelled.", batch.id, batch.due(now).status.name());
        match state.config.batches.cancel_of_terminal {
            CancelOfTerminal::Conflict => return Err(ApiError::conflict(message)),
            CancelOfTerminal::BadRequest => return Err(ApiError::invalid(message)),
            CancelOfTerminal::Ok => {}
        }
    }
    Ok(reply(StatusCode::OK, &view::to_json(&batch, now, &call.form, &state.config.wire)))
}

fn missing(id: &str) -> ApiError {
    ApiError::not_found(format!("The batch '{id}' was not found."))
}
