//! Lines answered by somebody's own model server.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aoai_emulator::{AnswerConfig, ClockConfig, EmulatorConfig, ExpiryConfig, QuotaMode, UpstreamConfig};
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};

use crate::support::{Service, ids, lines, sorted, start, value};

/// A model server that stumbles: line-1 meets one 429, line-2 one 500, line-3 is refused for good.
#[derive(Default)]
struct Model {
    seen: Mutex<HashMap<String, usize>>,
    now: AtomicUsize,
    most: AtomicUsize,
    delay: Duration,
}

async fn complete(State(model): State<Arc<Model>>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    assert_eq!(headers["authorization"], "Bearer upstream-key");
    assert_eq!(body["model"], "local");
    let now = model.now.fetch_add(1, Ordering::SeqCst) + 1;
    model.most.fetch_max(now, Ordering::SeqCst);
    tokio::time::sleep(model.delay).await;
    model.now.fetch_sub(1, Ordering::SeqCst);
    let said = body["messages"][0]["content"].as_str().unwrap().to_owned();
    let seen = {
        let mut seen = model.seen.lock().unwrap();
        let count = seen.entry(said.clone()).or_default();
        *count += 1;
        *count
    };
    match (said.as_str(), seen) {
        ("say line-1", 1) => (StatusCode::TOO_MANY_REQUESTS, [("retry-after-ms", "5")]).into_response(),
        ("say line-2", 1) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        ("say line-3", _) => {
            (StatusCode::BAD_REQUEST, Json(json!({"error": {"code": "bad", "message": "no"}})))
                .into_response()
        }
        _ => Json(json!({
            "choices": [{"message": {"role": "assistant", "content": format!("did {said}")}}],
            "usage": {"prompt_tokens": 2, "completion_tokens": 1, "total_tokens": 3},
        }))
        .into_response(),
    }
}

async fn service(delay: Duration, change: impl FnOnce(&mut EmulatorConfig)) -> (Service, Arc<Model>) {
    let model = Arc::new(Model { delay, ..Model::default() });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = UpstreamConfig {
        url: format!("http://{}/v1/", listener.local_addr().unwrap()),
        key: Some("upstream-key".into()),
        model: Some("local".to_owned()),
        concurrency: 3,
        backoff_ms: 5,
        ..UpstreamConfig::default()
    };
    let app = Router::new().route("/v1/chat/completions", post(complete)).with_state(model.clone());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let mut config = EmulatorConfig {
        clock: ClockConfig { speed: 1_000.0, start: None },
        answers: AnswerConfig::Upstream(upstream),
        ..EmulatorConfig::default()
    };
    change(&mut config);
    (start(config).await, model)
}

#[tokio::test]
async fn answers_come_from_the_upstream_with_retries() {
    let (service, model) = service(Duration::from_millis(5), |_| {}).await;
    let id = service.submit(lines(10)).await;
    let batch = service.until(&id, "completed").await;
    assert_eq!(batch["request_counts"], json!({"total": 10, "completed": 9, "failed": 1}));
    assert_eq!(batch["usage"]["total_tokens"], 27);
    let output = service.content(&batch["output_file_id"]).await;
    assert_eq!(output.len(), 9);
    for row in &output {
        let said = row["response"]["body"]["choices"][0]["message"]["content"].as_str().unwrap();
        assert_eq!(said, format!("did say {}", row["custom_id"].as_str().unwrap()));
    }
    let errors = service.content(&batch["error_file_id"]).await;
    assert_eq!(ids(&errors), ["line-3"]);
    assert_eq!(
        (&errors[0]["response"]["status_code"], &errors[0]["response"]["body"]["error"]["code"]),
        (&json!(400), &json!("bad"))
    );
    let seen = model.seen.lock().unwrap().clone();
    assert_eq!(
        (seen["say line-1"], seen["say line-2"], seen["say line-3"], seen["say line-4"]),
        (2, 2, 1, 1)
    );
    assert_eq!(model.most.load(Ordering::SeqCst), 3, "concurrency is bounded, and used");
    assert_eq!(service.emulator.control().books().await.billed_total, 9);
}

#[tokio::test]
async fn a_cancel_stops_the_work_and_keeps_its_results() {
    let (service, model) = service(Duration::from_millis(40), |_| {}).await;
    let id = service.submit(lines(60)).await;
    let begun = async || service.batch(&id).await["request_counts"]["completed"].as_u64().unwrap();
    while begun().await < 3 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let cancelled = service.http.post(service.v1(&format!("batches/{id}/cancel"))).send().await.unwrap();
    assert_eq!(value(cancelled).await["status"], "cancelling");
    let batch = service.until(&id, "cancelled").await;
    let output = service.content(&batch["output_file_id"]).await;
    assert_eq!(batch["request_counts"]["completed"], output.len());
    assert!((3..60).contains(&output.len()), "{}", output.len());
    assert!(model.seen.lock().unwrap().len() < 60);
}

#[tokio::test]
async fn an_expiry_after_some_lines_accounts_for_all() {
    let expiry = ExpiryConfig { after_lines: Some(4), ..ExpiryConfig::default() };
    let (service, _) = service(Duration::ZERO, |config| config.batches.expiry = Some(expiry)).await;
    let id = service.submit(lines(10)).await;
    let batch = service.until(&id, "expired").await;
    let mut all = ids(&service.content(&batch["error_file_id"]).await);
    if batch["output_file_id"].is_string() {
        all.extend(ids(&service.content(&batch["output_file_id"]).await));
    }
    assert_eq!(sorted(all), (0..10).map(|n| format!("line-{n}")).collect::<Vec<_>>());
    let counts = &batch["request_counts"];
    assert_eq!(counts["completed"].as_u64().unwrap() + counts["failed"].as_u64().unwrap(), 4);
}

#[tokio::test]
async fn a_batch_over_the_quota_costs_the_upstream_nothing() {
    let (service, model) = service(Duration::ZERO, |config| {
        config.quota.max_enqueued_tokens = Some(1);
        config.quota.mode = QuotaMode::FailLater;
    })
    .await;
    let id = service.submit(lines(3)).await;
    service.until(&id, "failed").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(model.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_upstream_that_is_not_there_fails_the_lines() {
    let answers = AnswerConfig::Upstream(UpstreamConfig {
        url: "http://127.0.0.1:1/v1".to_owned(),
        retries: 1,
        backoff_ms: 1,
        ..UpstreamConfig::default()
    });
    let config =
        EmulatorConfig { answers, clock: ClockConfig { speed: 1_000.0, start: None }, ..Default::default() };
    let service = start(config).await;
    let id = service.submit(lines(2)).await;
    let batch = service.until(&id, "completed").await;
    assert_eq!((&batch["request_counts"]["failed"], &batch["output_file_id"]), (&json!(2), &Value::Null));
    let errors = service.content(&batch["error_file_id"]).await;
    assert_eq!(errors[0]["response"]["body"]["error"]["code"], "upstream_unreachable");
}
