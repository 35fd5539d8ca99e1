//! The batch object on the wire.

use serde_json::{Value, json};

use super::{Batch, Status};
use crate::{
    clock::Stamp,
    config::{ResultIds, WireConfig},
    files::capitalised,
    server::ApiForm,
};

pub(super) fn to_json(batch: &Batch, now: Stamp, form: &ApiForm, wire: &WireConfig) -> Value {
    let moment = batch.moment(now);
    let counts = batch.counts(&moment);
    // Nobody has counted the lines before validation ends.
    let total = if moment.in_progress_at.is_some() { batch.total() } else { 0 };
    let date = |at: Option<Stamp>| match at {
        None => Value::Null,
        Some(at) if wire.iso_dates => at.iso().into(),
        Some(at) => at.unix_seconds().into(),
    };
    let results = batch.results.get().filter(|_| moment.status.is_terminal());
    let mut object = json!({
        "id": batch.id,
        "object": "batch",
        "endpoint": batch.endpoint,
        "errors": errors(batch, moment.status),
        "input_file_id": (!wire.omit_input_file_ids).then_some(&batch.input_file_id),
        "completion_window": batch.completion_window,
        "status": capitalised(moment.status.name(), wire.capitalised_statuses),
        "output_file_id": result_id(results.and_then(|results| results.output_id.as_deref()), wire),
        "error_file_id": result_id(results.and_then(|results| results.error_id.as_deref()), wire),
        "created_at": date(Some(batch.created_at)),
        "in_progress_at": date(moment.in_progress_at),
        "expires_at": date(Some(batch.created_at.plus(std::time::Duration::from_secs(86_400)))),
        "finalizing_at": date(moment.finalizing_at),
        "completed_at": date(moment.completed_at),
        "failed_at": date(moment.failed_at),
        "expired_at": date(moment.expired_at),
        "cancelling_at": date(moment.cancelling_at),
        "cancelled_at": date(moment.cancelled_at),
        "request_counts": {"total": total, "completed": counts.completed, "failed": counts.failed},
        "metadata": batch.metadata,
    });
    if let Some(blob) = &batch.blob {
        // Told whether or not they were written, once nothing more will be.
        let once_ended = |url: &str| if moment.status.is_terminal() { url.to_owned() } else { String::new() };
        object["input_file_id"] = Value::Null;
        object["input_blob"] = blob.input_url.as_str().into();
        object["output_blob"] = once_ended(&blob.output_url).into();
        object["error_blob"] = once_ended(&blob.error_url).into();
    }
    if *form == ApiForm::V1 {
        object["model"] = match (moment.in_progress_at, batch.prepared.get()) {
            (Some(_), Some(prepared)) => prepared.scan.deployment.clone().into(),
            _ => Value::Null,
        };
        object["usage"] = results.map_or(Value::Null, |results| results.usage.of_batch());
    }
    object
}

fn errors(batch: &Batch, status: Status) -> Value {
    if status != Status::Failed {
        return Value::Null;
    }
    let data: Vec<_> = batch
        .errors()
        .into_iter()
        .map(|error| json!({"code": error.code, "message": error.message, "line": error.line, "param": null}))
        .collect();
    json!({"object": "list", "data": data})
}

fn result_id(id: Option<&str>, wire: &WireConfig) -> Value {
    match id {
        Some(id) => id.into(),
        None if wire.result_ids == ResultIds::Empty => "".into(),
        None => Value::Null,
    }
}
