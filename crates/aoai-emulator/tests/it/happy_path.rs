//! Upload, create, wait, read: what every client does.

use crate::support::{frozen, ids, lines, sorted, start, value};
use reqwest::multipart::{Form, Part};
use serde_json::json;

#[tokio::test]
async fn the_v1_surface_runs_a_batch() {
    let service = start(frozen()).await;
    let id = service.submit(lines(10)).await;
    assert!(id.starts_with("batch_") && id.len() == "batch_".len() + 36, "{id}");
    let seen = service.batch(&id).await;
    assert_eq!((seen["status"].as_str(), &seen["output_file_id"]), (Some("validating"), &json!(null)));
    service.advance(86_400);
    let batch = service.batch(&id).await;
    assert_eq!(batch["status"], "completed");
    assert_eq!(batch["request_counts"], json!({"total": 10, "completed": 10, "failed": 0}));
    assert_eq!((&batch["error_file_id"], &batch["errors"]), (&json!(null), &json!(null)));
    assert_eq!(batch["model"], "dep");

    let output = service.content(&batch["output_file_id"]).await;
    assert_eq!(sorted(ids(&output)), sorted((0..10).map(|n| format!("line-{n}")).collect()));
    assert_ne!(ids(&output), sorted(ids(&output)), "results are not in input order");
    let first = &output[0];
    assert!(first.get("id").is_none());
    assert_eq!((&first["error"], &first["response"]["status_code"]), (&json!(null), &json!(200)));
    let said = first["response"]["body"]["choices"][0]["message"]["content"].as_str().unwrap();
    assert_eq!(said, format!("[aoai-emulator] say {}", first["custom_id"].as_str().unwrap()));
    let tokens = |kind: &str| -> u64 {
        output.iter().map(|row| row["response"]["body"]["usage"][kind].as_u64().unwrap()).sum()
    };
    assert_eq!(batch["usage"]["total_tokens"], tokens("prompt_tokens") + tokens("completion_tokens"));
    service.emulator.shutdown().await;
}

#[tokio::test]
async fn the_dated_surface_runs_a_batch() {
    let service = start(frozen()).await;
    let uploaded = service.send_file(&service.dated("files"), "in.jsonl", lines(2)).await;
    assert_eq!(uploaded.status(), 201);
    assert!(
        uploaded.headers().contains_key("location") && uploaded.headers().contains_key("apim-request-id")
    );
    let file = value(uploaded).await;
    assert_eq!(
        (&file["status"], &file["purpose"], &file["bytes"]),
        (&json!("pending"), &json!("batch"), &json!(lines(2).len()))
    );
    service.advance(1);
    let id = file["id"].as_str().unwrap();
    assert_eq!(service.get(&service.dated(&format!("files/{id}"))).await["status"], "processed");

    let create = json!({"input_file_id": id, "endpoint": "/v1/chat/completions", "completion_window": "24h", "metadata": {"k": "v"}});
    // The double slash of clients whose endpoint ends in one.
    let url = service.dated("batches").replace("/openai/", "//openai/");
    let batch = value(service.http.post(url).json(&create).send().await.unwrap()).await;
    assert_eq!((&batch["endpoint"], &batch["metadata"]), (&json!("/chat/completions"), &json!({"k": "v"})));
    service.advance(86_400);
    let batch = service.get(&service.dated(&format!("batches/{}", batch["id"].as_str().unwrap()))).await;
    assert_eq!(batch["status"], "completed");
    assert!(batch.get("usage").is_none());
    let deleted = service.http.delete(service.dated(&format!("files/{id}"))).send().await.unwrap();
    assert_eq!(value(deleted).await, json!({"object": "file", "id": id, "deleted": true}));
    assert_eq!(
        service.http.delete(service.dated(&format!("files/{id}"))).send().await.unwrap().status(),
        404
    );
}

#[tokio::test]
async fn every_status_and_growing_counts_are_seen_in_time() {
    let mut config = frozen();
    config.batches.validating = std::time::Duration::from_secs(10);
    config.batches.in_progress = std::time::Duration::from_secs(100);
    config.batches.finalizing = std::time::Duration::from_secs(10);
    let service = start(config).await;
    let id = service.submit(lines(10)).await;
    let mut seen = Vec::new();
    for step in [9, 1, 50, 50, 10] {
        service.advance(step);
        let batch = service.batch(&id).await;
        seen.push((
            batch["status"].as_str().unwrap().to_owned(),
            batch["request_counts"]["completed"].as_u64().unwrap(),
        ));
    }
    let expected =
        [("validating", 0), ("in_progress", 0), ("in_progress", 5), ("finalizing", 10), ("completed", 10)];
    assert_eq!(seen, expected.map(|(status, count)| (status.to_owned(), count)));
}

#[tokio::test]
async fn time_runs_by_itself_too() {
    let service = start(aoai_emulator::EmulatorConfig {
        clock: aoai_emulator::ClockConfig { speed: 100.0, start: None },
        ..Default::default()
    })
    .await;
    let response = service.send_file(&service.v1("files"), "in.jsonl", lines(1)).await;
    let file = value(response).await["id"].as_str().unwrap().to_owned();
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let batch = value(service.create_raw(&file).await).await;
    service.until(batch["id"].as_str().unwrap(), "completed").await;
}

#[tokio::test]
async fn keys_are_checked_where_one_is_configured() {
    let service = start(aoai_emulator::EmulatorConfig { api_key: Some("k".into()), ..frozen() }).await;
    let url = service.v1("batches");
    let refused = service.http.get(&url).send().await.unwrap();
    assert_eq!(refused.status(), 401);
    assert_eq!(value(refused).await["error"]["code"], "unauthorized");
    assert_eq!(service.http.get(&url).header("api-key", "k").send().await.unwrap().status(), 200);
    assert_eq!(service.http.get(&url).bearer_auth("k").send().await.unwrap().status(), 200);
    assert_eq!(service.http.get(&url).bearer_auth("x").send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn unknown_resources_answer_as_the_gateway_does() {
    let service = start(frozen()).await;
    for path in [
        "/openai/batches",
        "/openai/batches?api-version=nope",
        "/openai/deployments/d/batches?api-version=2024-10-21",
        "/openai/v1/files//content",
    ] {
        let answer = service.http.get(format!("{}{path}", service.emulator.url())).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
        assert_eq!(
            value(answer).await,
            json!({"error": {"code": "404", "message": "Resource not found"}}),
            "{path}"
        );
    }
}

#[tokio::test]
async fn twenty_thousand_lines_are_no_burden() {
    let service = start(frozen()).await;
    let part = Part::text(lines(20_000)).file_name("big.jsonl").mime_str("application/json").unwrap();
    let form = Form::new().text("purpose", "batch").part("file", part);
    let file = value(service.http.post(service.v1("files")).multipart(form).send().await.unwrap()).await;
    service.advance(1);
    let batch = value(service.create_raw(file["id"].as_str().unwrap()).await).await;
    service.advance(86_400);
    let batch = service.until(batch["id"].as_str().unwrap(), "completed").await;
    assert_eq!(service.content(&batch["output_file_id"]).await.len(), 20_000);
}

#[tokio::test]
async fn service_times_may_vary_by_batch() {
    let mut config = frozen();
    config.batches.in_progress = std::time::Duration::from_secs(100);
    config.batches.in_progress_spread = 1.0;
    let service = start(config).await;
    let mut batches = Vec::new();
    for _ in 0..12 {
        batches.push(service.submit(lines(1)).await);
    }
    service.advance(90);
    for id in &batches {
        assert_ne!(service.batch(id).await["status"], "completed", "none is done before its time");
    }
    service.advance(60);
    let mut completed = 0;
    for id in &batches {
        completed += u32::from(service.batch(id).await["status"] == "completed");
    }
    assert!((1..12).contains(&completed), "{completed}");
}
