//! The management interface over HTTP, as another process uses it.

use serde_json::json;

use crate::support::{frozen, lines, start};

#[tokio::test]
async fn another_process_can_look_and_steer() {
    let service = start(frozen()).await;
    let id = service.submit(lines(3)).await;
    let at = |path: &str| format!("{}/_emulator/{path}", service.emulator.url());
    let before = service.get(&at("state")).await;
    assert_eq!(before["requests"], json!({"upload_file": 1, "create_batch": 1}));
    assert_eq!(
        (&before["batches"][0]["id"], &before["batches"][0]["status"]),
        (&json!(id), &json!("validating"))
    );

    let advanced = service.http.post(at("clock/advance")).json(&json!({"by": "1h"})).send().await.unwrap();
    assert_eq!(advanced.status(), 200);
    let after = service.get(&at("state")).await;
    assert_eq!(after["now"].as_i64().unwrap() - before["now"].as_i64().unwrap(), 3_600);
    assert_eq!(
        (&after["batches"][0]["status"], &after["batches"][0]["counts"]),
        (&json!("completed"), &json!([3, 3, 0]))
    );
    let books = service.get(&at("books")).await;
    assert_eq!((&books["billed_total"], &books["paid_twice"]), (&json!(3), &json!([])));
    assert_eq!(
        (&books["batches"][0]["billed"], &books["batches"][0]["input_filename"]),
        (&json!(3), &json!("in.jsonl"))
    );

    let rule = json!({"match": {"operation": "list_batches"}, "effect": {"status": {"code": 500}}});
    assert_eq!(service.http.post(at("faults")).json(&rule).send().await.unwrap().status(), 200);
    assert_eq!(service.http.get(service.v1("batches")).send().await.unwrap().status(), 500);
    assert_eq!(service.get(&at("state")).await["faults"][0][1], 1);
    assert_eq!(service.http.delete(at("faults")).send().await.unwrap().status(), 200);
    assert_eq!(service.http.get(service.v1("batches")).send().await.unwrap().status(), 200);

    let second = service.submit(lines(1)).await;
    assert_eq!(
        service.http.post(at(&format!("batches/{second}/cancel"))).send().await.unwrap().status(),
        200
    );
    service.advance(60);
    assert_eq!(service.batch(&second).await["status"], "cancelled");
    assert_eq!(
        service.http.post(at(&format!("batches/{second}/expire"))).send().await.unwrap().status(),
        404
    );
    let file = after["files"][0]["id"].as_str().unwrap();
    assert_eq!(service.http.delete(at(&format!("files/{file}"))).send().await.unwrap().status(), 200);
    assert_eq!(service.http.get(service.v1(&format!("files/{file}"))).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn nonsense_is_refused() {
    let service = start(frozen()).await;
    let at = |path: &str| format!("{}/_emulator/{path}", service.emulator.url());
    assert_eq!(
        service.http.post(at("faults")).json(&json!({"effect": "explode"})).send().await.unwrap().status(),
        400
    );
    assert_eq!(
        service.http.post(at("clock/advance")).json(&json!({"by": "soon"})).send().await.unwrap().status(),
        400
    );
    assert_eq!(service.http.get(at("nothing")).send().await.unwrap().status(), 404);
}
