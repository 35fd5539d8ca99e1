//! The documents beside the results: `manifest.json`, and the accelerator's metadata file.

use serde_json::{Map, Value, json};

use crate::{
    cost::Usd,
    model::{Artifact, JobRecord, PartCost, PartResult, Publication, RawInput, Timestamp, Totals},
};

/// The version of the manifest's format. Readers accept newer ones; a writer never overwrites one.
pub const MANIFEST_FORMAT: u32 = 1;
/// The name of the manifest.
pub const MANIFEST_NAME: &str = "manifest.json";
/// A manifest is smaller.
pub(crate) const MANIFEST_MAX_BYTES: u64 = 256 << 20;

/// The manifest: written last, so its presence says that everything else is there.
pub(crate) fn manifest(
    job: &JobRecord,
    publication: &Publication,
    totals: &Totals,
    artifacts: &[Artifact],
    raw: &RawInput,
) -> String {
    let plan = publication.plan.as_ref();
    let document = json!({
        "format": MANIFEST_FORMAT,
        "tool": concat!("aoai-batch/", env!("CARGO_PKG_VERSION")),
        "job": job.key,
        "outcome": publication.outcome(),
        "input": {
            "path": job.input.location.to_string(),
            "etag": job.input.etag,
            "bytes": job.input.size,
            "lines": plan.map(|plan| plan.lines),
            "sha256": plan.map(|plan| &plan.sha256),
            "raw": match raw {
                RawInput::Archived { location } => json!({ "state": "archived", "path": location.to_string() }),
                RawInput::Replaced => json!({ "state": "replaced" }),
            },
        },
        "counts": counts(totals),
        "artifacts": artifacts.iter().map(artifact).collect::<Vec<_>>(),
        "parts": publication.parts.iter().map(|part| part_of(job, publication, part)).collect::<Vec<_>>(),
        "tokens": {
            "estimated_prompt": plan.map(|plan| plan.tokens.prompt),
            "provenance": plan.map(|plan| plan.tokens.provenance),
            "prompt": totals.prompt_tokens,
            "cached": totals.cached_tokens,
            "completion": totals.completion_tokens,
        },
        "cost": totals.cost.map(|actual| json!({
            "expected_usd": {
                "low": dollars(publication, |cost| cost.expected_low),
                "high": dollars(publication, |cost| cost.expected_high),
            },
            "actual_usd": Usd::from_nanodollars(actual),
            "actual_nanodollars": actual,
        })),
        "timings": {
            "discovered_at": job.created_at.rfc3339(),
            "planned_at": publication.planned_at.rfc3339(),
            "resolved_at": publication.decided_at.rfc3339(),
        },
    });
    format!("{document:#}\n")
}

fn artifact(artifact: &Artifact) -> Value {
    let mut document = json!({ "path": artifact.location.to_string(), "bytes": artifact.bytes });
    // The bytes of a table say nothing of its rows.
    let name = artifact.location.path.file_name();
    if !name.ends_with(".csv") && !name.ends_with(".parquet") {
        document["lines"] = json!(artifact.lines);
    }
    document["sha256"] = json!(artifact.sha256);
    document
}

fn counts(totals: &Totals) -> Value {
    let mut counts = json!({ "lines": totals.lines, "output": totals.output, "error": totals.error });
    if let Some(nonconforming) = totals.nonconforming {
        counts["nonconforming"] = json!(nonconforming);
    }
    counts
}

fn dollars(publication: &Publication, which: impl Fn(&PartCost) -> u64) -> Usd {
    // What was expected of the file: its lines once, however often they had to be sent.
    let first = publication.parts.iter().filter(|part| part.key.attempt == 1);
    Usd::from_nanodollars(first.filter_map(|part| part.cost.as_ref()).map(which).sum())
}

/// The hash of what a part sent: as it passed through here, or that of the file of which it is all, as it stands there.
fn sent_sha256<'a>(job: &JobRecord, publication: &'a Publication, part: &'a PartResult) -> Option<&'a str> {
    let own = part.submission.as_ref().and_then(|submission| submission.sha256.as_deref());
    let (file, is_whole) = match &part.plan.again {
        Some(again) => (Some(again.sha256.as_str()), true),
        None => {
            let file = publication.plan.as_ref().map(|plan| plan.sha256.as_str());
            (file, part.bundle.is_none() && part.plan.bytes == job.input.size)
        }
    };
    let as_it_is = part.plan.named.is_none() && part.plan.upload_bytes == part.plan.bytes;
    own.or_else(|| file.filter(|_| is_whole && as_it_is))
}

fn part_of(job: &JobRecord, publication: &Publication, part: &PartResult) -> Value {
    let batch = part.batch.as_ref();
    let seconds = |at: Option<i64>| at.map(|at| Timestamp(at.saturating_mul(1000)).rfc3339());
    json!({
        "part": part.key.part,
        "attempt": part.key.attempt,
        "bundle": part.bundle,
        "again": part.harvest.again.as_ref().map(|again| json!({
            "lines": again.requests.lines, "bytes": again.requests.bytes, "sha256": again.requests.sha256,
        })),
        "answered": part.harvest.answered,
        "generation": part.submission.as_ref().map(|s| s.generation),
        "lines": { "first": part.plan.first_line, "count": part.plan.lines },
        "range": { "offset": part.plan.offset, "bytes": part.plan.bytes },
        "sent": part.submission.as_ref().map(|_| json!({
            "bytes": part.plan.upload_bytes, "sha256": sent_sha256(job, publication, part),
        })),
        "input_file_id": part.submission.as_ref().and_then(|s| s.input.file()),
        "input_blob": part.submission.as_ref().and_then(|s| s.input.blob()).map(ToString::to_string),
        "deployment": part.deployment,
        "cost_usd": part.cost.map(|cost| Usd::from_nanodollars(cost.actual)),
        "batch_id": batch.map(|b| &b.id),
        "status": batch.map(|b| b.status.as_str()),
        "output_file_id": batch.and_then(|b| b.output_file_id.as_ref()),
        "error_file_id": batch.and_then(|b| b.error_file_id.as_ref()),
        "request_counts": batch.map(|b| json!({
            "total": b.request_counts.total,
            "completed": b.request_counts.completed,
            "failed": b.request_counts.failed,
        })),
        "created_at": seconds(batch.and_then(|b| b.created_at)),
        "ended_at": seconds(batch.and_then(|b| b.ended_at)),
        "errors": batch.map(|b| b.errors.iter().map(|e| json!({
            "code": e.code, "message": e.message, "line": e.line, "param": e.param,
        })).collect::<Vec<_>>()),
        "failure": part.failure,
        "failed_batches": part.submission.as_ref().map(|s| &s.strays.failed_batches),
    })
}

/// The accelerator's metadata, one JSON object on one line: its keys first, then ours.
///
/// Where a job had several parts, its single-valued keys hold the first part's ids.
pub(super) fn metadata(job: &JobRecord, publication: &Publication, totals: &Totals) -> String {
    let first = publication.parts.first();
    let batch = first.and_then(|part| part.batch.as_ref());
    let file_id = first.and_then(|part| part.submission.as_ref()).and_then(|s| s.input.file());
    let output = (totals.output > 0).then(|| publication.target.file_name("output"));
    let error = publication.has_errors().then(|| publication.target.file_name("error"));
    let mut document = Map::new();
    let mut put = |key: &str, value: Value| {
        document.insert(key.to_owned(), value);
    };
    put("file_name", json!(publication.target.raw_name()));
    put("input_file_id", json!(file_id));
    put("batch_job_id", json!(batch.map(|b| &b.id)));
    put("error_file_id", json!(batch.and_then(|b| b.error_file_id.as_ref())));
    put("output_file_id", json!(batch.and_then(|b| b.output_file_id.as_ref())));
    put("token_size", json!(publication.plan.as_ref().map(|plan| plan.tokens.prompt)));
    put("file_id", json!(file_id));
    put("output_file_name", json!(output));
    put("error_file_name", json!(error));
    put("job", json!(job.key));
    put("path", json!(job.input.location.to_string()));
    put("outcome", json!(publication.outcome()));
    put("lines", json!(totals.lines));
    put("output_lines", json!(totals.output));
    put("error_lines", json!(totals.error));
    if let Some(nonconforming) = totals.nonconforming {
        put("nonconforming_lines", json!(nonconforming));
    }
    put("prompt_tokens", json!(totals.prompt_tokens));
    put("completion_tokens", json!(totals.completion_tokens));
    put("cost_usd", json!(totals.cost.map(Usd::from_nanodollars)));
    format!("{}\n", Value::Object(document))
}
