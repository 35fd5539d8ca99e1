//! Each kind of fault, as a client meets it.

use std::time::Duration;

use aoai_emulator::{Control, Operation};
use serde_json::{Value, json};

use crate::support::{Service, frozen, lines, start, value};

fn add(control: &Control, rule: Value) {
    control.add_fault(serde_json::from_value(rule).unwrap());
}

async fn create(service: &Service, input: &str) -> reqwest::Result<reqwest::Response> {
    let create = json!({"input_file_id": input, "endpoint": "/chat/completions", "completion_window": "24h"});
    service.http.post(service.v1("batches")).json(&create).send().await
}

#[tokio::test]
async fn a_status_comes_instead_of_the_effect() {
    let service = start(frozen()).await;
    let control = service.emulator.control();
    let effect = json!({"status": {"code": 429, "retry_after": 7, "headers": {"retry-after-ms": "7000"}}});
    add(&control, json!({"match": {"operation": "create_batch"}, "effect": effect, "times": 1}));
    let input = service.upload(lines(1)).await;
    let refused = create(&service, &input).await.unwrap();
    assert_eq!(refused.status(), 429);
    assert_eq!(
        (&refused.headers()["retry-after"], &refused.headers()["retry-after-ms"]),
        (&"7".parse().unwrap(), &"7000".parse().unwrap())
    );
    assert!(control.snapshot().await.batches.is_empty());
    assert_eq!(create(&service, &input).await.unwrap().status(), 200);
    assert_eq!(control.requests(Operation::CreateBatch), 2);
}

#[tokio::test]
async fn a_body_may_be_scripted() {
    let service = start(frozen()).await;
    let effect = json!({"status": {"code": 503, "body": "<html>down</html>"}});
    add(&service.emulator.control(), json!({"effect": effect}));
    let answer = service.http.get(service.v1("batches")).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (503, "<html>down</html>"));
}

#[tokio::test]
async fn a_reset_before_leaves_no_trace() {
    let service = start(frozen()).await;
    let control = service.emulator.control();
    let input = service.upload(lines(1)).await;
    add(&control, json!({"match": {"operation": "create_batch"}, "effect": "reset_before"}));
    let error = create(&service, &input).await.unwrap_err();
    assert!(error.is_request() && error.status().is_none(), "{error:?}");
    assert!(control.snapshot().await.batches.is_empty());
    control.clear_faults();
    assert_eq!(create(&service, &input).await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_reset_after_hides_an_effect_that_happened() {
    let service = start(frozen()).await;
    let control = service.emulator.control();
    let input = service.upload(lines(1)).await;
    add(&control, json!({"match": {"operation": "create_batch"}, "effect": "reset_after", "times": 1}));
    create(&service, &input).await.unwrap_err();
    assert_eq!(control.snapshot().await.batches.len(), 1);
    add(&control, json!({"match": {"operation": "upload_file"}, "effect": "reset_after", "times": 1}));
    let part =
        reqwest::multipart::Part::text(lines(9)).file_name("x.jsonl").mime_str("application/json").unwrap();
    let form = reqwest::multipart::Form::new().text("purpose", "batch").part("file", part);
    service.http.post(service.v1("files")).multipart(form).send().await.unwrap_err();
    assert_eq!(control.snapshot().await.files.len(), 2);
}

#[tokio::test]
async fn an_error_may_come_after_the_effect() {
    let service = start(frozen()).await;
    let control = service.emulator.control();
    let input = service.upload(lines(1)).await;
    let rule = json!({"match": {"operation": "create_batch"}, "effect": {"status_after": {"code": 500}}, "times": 1});
    add(&control, rule);
    assert_eq!(create(&service, &input).await.unwrap().status(), 500);
    assert_eq!(control.snapshot().await.batches.len(), 1);
}

#[tokio::test]
async fn an_answer_may_come_long_after_the_effect() {
    let service = start(frozen()).await;
    let control = service.emulator.control();
    let input = service.upload(lines(1)).await;
    let effect = json!({"late_answer": {"ms": 600_000}});
    add(&control, json!({"match": {"operation": "create_batch"}, "effect": effect, "times": 1}));
    let patience = Duration::from_millis(500);
    tokio::time::timeout(patience, create(&service, &input)).await.unwrap_err();
    assert_eq!(control.snapshot().await.batches.len(), 1);
}

#[tokio::test]
async fn an_effect_may_come_after_the_reset() {
    let service = start(frozen()).await;
    let control = service.emulator.control();
    let input = service.upload(lines(1)).await;
    let rule = json!({"match": {"operation": "create_batch"}, "effect": {"late": {"ms": 300}}, "times": 1});
    add(&control, rule);
    create(&service, &input).await.unwrap_err();
    assert!(control.snapshot().await.batches.is_empty());
    for _ in 0..200 {
        if !control.snapshot().await.batches.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the effect never came");
}

#[tokio::test]
async fn a_reset_is_one_on_the_wire() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let service = start(frozen()).await;
    add(&service.emulator.control(), json!({"effect": "reset_after"}));
    let mut socket = tokio::net::TcpStream::connect(service.emulator.addr()).await.unwrap();
    socket.write_all(b"GET /openai/v1/batches HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut received = Vec::new();
    let error = socket.read_to_end(&mut received).await.unwrap_err();
    assert_eq!((error.kind(), received.len()), (std::io::ErrorKind::ConnectionReset, 0));
}

#[tokio::test]
async fn a_body_is_cut_where_told() {
    let service = start(frozen()).await;
    let id = service.upload("0123456789".repeat(50_000)).await;
    for bytes in [0_usize, 4, 100_000] {
        let rule = json!({"match": {"operation": "file_content"}, "effect": {"truncate_body": {"bytes": bytes}}, "times": 1});
        add(&service.emulator.control(), rule);
        let mut answer = service.http.get(service.v1(&format!("files/{id}/content"))).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.content_length()), (200, Some(500_000)));
        let mut got = 0;
        let error = loop {
            match answer.chunk().await {
                Ok(Some(chunk)) => got += chunk.len(),
                Ok(None) => panic!("the body ended well after {got} bytes"),
                Err(error) => break error,
            }
        };
        assert!(error.is_body() || error.is_decode(), "{error:?}");
        assert_eq!(got, bytes);
    }
}

#[tokio::test]
async fn a_delay_is_felt() {
    let service = start(frozen()).await;
    let rule = json!({"match": {"method": "GET", "path_contains": "/v1/"}, "effect": {"delay": {"ms": 200}}, "skip": 1});
    add(&service.emulator.control(), rule);
    let timed = async || {
        let begun = tokio::time::Instant::now();
        service.get(&service.v1("batches")).await;
        begun.elapsed()
    };
    assert!(timed().await < Duration::from_millis(200));
    assert!(timed().await >= Duration::from_millis(200));
}

#[tokio::test]
async fn a_shutdown_cuts_idle_connections() {
    let service = start(frozen()).await;
    let url = service.v1("batches");
    value(service.http.get(&url).send().await.unwrap()).await;
    service.emulator.shutdown().await;
    assert!(service.http.get(&url).send().await.is_err());
}
