//! Every documented code of a failed batch, with the line it blames; and what a create refuses.

use aoai_emulator::{Deviation, EmulatorConfig, RefusedLines};
use serde_json::{Value, json};

use crate::support::{Service, frozen, line, lines, start, value};

/// The errors of the failed batch that this input makes.
async fn errors_of(config: EmulatorConfig, text: impl Into<String>) -> Vec<(String, Value)> {
    let service = start(config).await;
    let id = service.submit(text).await;
    service.advance(60);
    let batch = service.batch(&id).await;
    assert_eq!(batch["status"], "failed", "{batch}");
    assert_eq!((&batch["output_file_id"], &batch["in_progress_at"]), (&Value::Null, &Value::Null));
    assert!(batch["failed_at"].is_i64());
    assert_eq!(service.emulator.control().books().await.billed_total, 0);
    let data = batch["errors"]["data"].as_array().unwrap();
    assert!(data.iter().all(|error| error["message"].is_string()));
    data.iter().map(|error| (error["code"].as_str().unwrap().to_owned(), error["line"].clone())).collect()
}

fn one(code: &str, line: Value) -> Vec<(String, Value)> {
    vec![(code.to_owned(), line)]
}

#[tokio::test]
async fn invalid_json_line() {
    assert_eq!(
        errors_of(frozen(), format!("{}{{oops\n", lines(2))).await,
        one("invalid_json_line", json!(3))
    );
}

#[tokio::test]
async fn too_many_tasks() {
    let mut config = frozen();
    config.batches.max_lines = 3;
    assert_eq!(errors_of(config, lines(4)).await, one("too_many_tasks", json!(null)));
}

#[tokio::test]
async fn url_mismatch() {
    let text = lines(1) + &line("x").replace("/v1/chat/completions", "/v1/embeddings");
    assert_eq!(errors_of(frozen(), text).await, one("url_mismatch", json!(2)));
}

#[tokio::test]
async fn responses_lines_pass_in_a_chat_batch_unless_told_otherwise() {
    let text = line("x").replace("/v1/chat/completions", "/v1/responses");
    let mut strict = frozen();
    strict.batches.responses_on_chat_endpoint = false;
    assert_eq!(errors_of(strict, text.clone()).await, one("url_mismatch", json!(1)));
    let service = start(frozen()).await;
    let id = service.submit(text).await;
    service.advance(60);
    assert_eq!(service.batch(&id).await["status"], "completed");
}

#[tokio::test]
async fn model_not_found() {
    let mut config = frozen();
    config.batches.deployments = vec!["other".to_owned()];
    assert_eq!(errors_of(config, lines(2)).await, one("model_not_found", json!(null)));
}

#[tokio::test]
async fn refused_lines() {
    let mut config = frozen();
    config.batches.refused_lines = Some(RefusedLines {
        custom_id_contains: "line-1".to_owned(),
        code: "invalid_request".to_owned(),
        after_batches: 1,
        batches: Some(1),
    });
    let service = start(config.clone()).await;
    let passes = service.submit(lines(3)).await;
    let fails = service.submit(lines(3)).await;
    let last = service.submit(lines(3)).await;
    service.advance(60);
    assert_eq!(service.batch(&passes).await["status"], "completed");
    assert_eq!(service.batch(&fails).await["errors"]["data"][0]["line"], 2);
    assert_eq!(service.batch(&last).await["status"], "completed");
    config.batches.refused_lines.as_mut().unwrap().after_batches = 0;
    assert_eq!(errors_of(config, lines(3)).await, one("invalid_request", json!(2)));
}

#[tokio::test]
async fn model_mismatch() {
    let text = lines(2) + &line("x").replace("\"dep\"", "\"pod\"");
    assert_eq!(errors_of(frozen(), text).await, one("model_mismatch", json!(3)));
}

#[tokio::test]
async fn duplicate_custom_id() {
    assert_eq!(errors_of(frozen(), lines(2) + &line("line-0")).await, one("duplicate_custom_id", json!(3)));
}

#[tokio::test]
async fn empty_file() {
    assert_eq!(errors_of(frozen(), "").await, one("empty_file", json!(null)));
}

#[tokio::test]
async fn invalid_request() {
    assert_eq!(
        errors_of(frozen(), lines(1) + &line("x").replace("POST", "GET")).await,
        one("invalid_request", json!(2))
    );
}

#[tokio::test]
async fn a_byte_order_mark_is_refused_early_or_late() {
    let text = format!("\u{feff}{}", lines(1));
    assert_eq!(errors_of(frozen(), text.clone()).await, one("invalid_request", json!(null)));
    let mut config = frozen();
    config.batches.bom = Deviation::Reject;
    let service = start(config).await;
    let input = service.upload(text).await;
    let refused = service.create_raw(&input).await;
    assert_eq!(refused.status(), 400);
    assert!(
        value(refused).await["error"]["message"]
            .as_str()
            .unwrap()
            .starts_with("Validation failed: A valid model")
    );
    assert!(service.emulator.control().snapshot().await.batches.is_empty());
}

async fn refused(service: &Service, create: Value) -> String {
    let answer = service.http.post(service.v1("batches")).json(&create).send().await.unwrap();
    assert_eq!(answer.status(), 400, "{create}");
    let error = value(answer).await["error"].take();
    assert_eq!(error["type"], "error");
    error["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_create_is_checked() {
    let service = start(frozen()).await;
    let input = service.upload(lines(1)).await;
    let good = json!({"input_file_id": input, "endpoint": "/chat/completions", "completion_window": "24h"});
    let with = |key: &str, value: Value| {
        let mut create = good.clone();
        create[key] = value;
        create
    };
    assert!(refused(&service, with("completion_window", json!("1h"))).await.contains("24h"));
    assert!(refused(&service, with("input_file_id", json!("file-none"))).await.contains("was not found"));
    assert!(refused(&service, with("metadata", json!({"a": 1}))).await.contains("strings"));
    let many: Value = (0..17).map(|n| (n.to_string(), json!(""))).collect::<serde_json::Map<_, _>>().into();
    assert!(refused(&service, with("metadata", many)).await.contains("16"));
    assert!(refused(&service, with("metadata", json!({"a": "x".repeat(513)}))).await.contains("512"));
    assert!(refused(&service, with("metadata", json!({"a".repeat(65): ""}))).await.contains("64"));
    refused(&service, json!({})).await;
    assert_eq!(service.http.post(service.v1("batches")).json(&good).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn an_input_that_is_pending_is_refused_with_the_documented_words() {
    let service = start(frozen()).await;
    let file = value(service.send_file(&service.v1("files"), "in.jsonl", lines(1)).await).await;
    let id = file["id"].as_str().unwrap();
    let answer = service.create_raw(id).await;
    assert_eq!(answer.status(), 400);
    let expected = format!(
        "The input file '{id}' is in 'pending' state. Only files with status 'Processed' are accepted for batch \
         inferencing. Please check the file status and try again"
    );
    assert_eq!(value(answer).await["error"]["message"], expected);
}

#[tokio::test]
async fn a_missing_input_or_a_bad_window_may_fail_later_instead() {
    let mut config = frozen();
    config.batches.missing_input = Deviation::FailBatch;
    config.batches.bad_window = Deviation::FailBatch;
    let service = start(config).await;
    let batch = value(service.create_raw("file-none").await).await;
    let input = service.upload(lines(1)).await;
    let create = json!({"input_file_id": input, "endpoint": "/chat/completions", "completion_window": "1h"});
    let other = value(service.http.post(service.v1("batches")).json(&create).send().await.unwrap()).await;
    assert_eq!((&batch["status"], &other["status"]), (&json!("validating"), &json!("validating")));
    service.advance(60);
    for batch in [batch, other] {
        let batch = service.batch(batch["id"].as_str().unwrap()).await;
        assert_eq!(
            (&batch["status"], &batch["errors"]["data"][0]["code"]),
            (&json!("failed"), &json!("invalid_request"))
        );
    }
}
