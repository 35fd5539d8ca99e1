//! Uploads, imports, expiry, ranges.

use axum::{Router, http::StatusCode, routing::get};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::support::{Service, frozen, lines, start, value};

async fn upload_with(service: &Service, url: String, form: Form) -> (u16, Value) {
    let answer = service.http.post(url).multipart(form).send().await.unwrap();
    (answer.status().as_u16(), value(answer).await)
}

fn part() -> Part {
    Part::text(lines(1)).file_name("in.jsonl").mime_str("application/octet-stream").unwrap()
}

fn form() -> Form {
    Form::new().text("purpose", "batch").part("file", part())
}

#[tokio::test]
async fn the_form_is_checked() {
    let service = start(frozen()).await;
    let refused = async |form: Form| {
        let (status, body) = upload_with(&service, service.v1("files"), form).await;
        assert_eq!(status, 400);
        body["error"]["message"].as_str().unwrap().to_owned()
    };
    let untyped = Part::text(lines(1)).file_name("in.jsonl");
    let purpose = || Form::new().text("purpose", "batch");
    assert!(refused(purpose().part("file", untyped)).await.contains("empty content type"));
    assert!(refused(purpose()).await.contains("no part 'file'"));
    assert_eq!(refused(Form::new().part("file", part())).await, "Invalid value for purpose.");
    assert!(refused(form().text("expires_after[seconds]", "3600")).await.contains("both"));
    assert!(
        refused(form().text("expires_after.seconds", "1").text("expires_after.anchor", "created_at"))
            .await
            .contains("between")
    );
    assert!(service.emulator.control().snapshot().await.files.is_empty());
    let old = format!("{}/openai/files?api-version=2024-02-01", service.emulator.url());
    assert_eq!(upload_with(&service, old, form()).await.1["error"]["message"], "Invalid value for purpose.");
}

#[tokio::test]
async fn expiry_is_taken_in_both_spellings_and_ignored_by_old_versions() {
    let service = start(frozen()).await;
    let now = service.emulator.control().now();
    let dotted =
        || form().text("expires_after.seconds", "1209600").text("expires_after.anchor", "created_at");
    let bracketed =
        form().text("expires_after[seconds]", "1209600").text("expires_after[anchor]", "created_at");
    let expected = json!(now + 1_209_600);
    assert_eq!(upload_with(&service, service.v1("files"), dotted()).await.1["expires_at"], expected);
    assert_eq!(upload_with(&service, service.dated("files"), bracketed).await.1["expires_at"], expected);
    let old = format!("{}/openai/files?api-version=2025-01-01-preview", service.emulator.url());
    let (status, kept) = upload_with(&service, old, dotted()).await;
    assert_eq!((status, &kept["expires_at"]), (201, &Value::Null));
    service.advance(1_209_600);
    let left = service.emulator.control().snapshot().await.files;
    assert_eq!(left.iter().map(|file| file.id.as_str()).collect::<Vec<_>>(), [kept["id"].as_str().unwrap()]);
}

#[tokio::test]
async fn a_file_over_the_cap_is_refused_and_the_connection_lives() {
    let mut config = frozen();
    config.files.max_bytes = 1_000_000;
    let service = start(config).await;
    let send = |size: usize| service.send_file_owned("a".repeat(size));
    assert_eq!(send(1_000_000).await.status(), 200);
    let refused = send(20_000_000).await;
    assert_eq!(refused.status(), 413);
    assert!(refused.text().await.unwrap().contains("File is too large"));
}

#[tokio::test]
async fn processing_may_fail_and_is_told() {
    let mut config = frozen();
    config.files.fail_processing_of = Some("bad".to_owned());
    let service = start(config).await;
    let file = value(service.send_file(&service.v1("files"), "bad.jsonl", lines(1)).await).await;
    let id = file["id"].as_str().unwrap();
    assert_eq!(file["status"], "pending");
    service.advance(1);
    let file = service.get(&service.v1(&format!("files/{id}"))).await;
    assert_eq!(file["status"], "error");
    assert!(file["status_details"].is_string());
    assert_eq!(service.create_raw(id).await.status(), 400);
    let other = service.upload(lines(1)).await;
    service.emulator.control().fail_file(&other, "by hand").unwrap();
    assert_eq!(service.get(&service.v1(&format!("files/{other}"))).await["status_details"], "by hand");
}

#[tokio::test]
async fn content_comes_whole_or_in_ranges() {
    let service = start(frozen()).await;
    let id = service.upload("0123456789").await;
    let read = async |service: &Service, id: &str, range: &str| {
        let url = service.v1(&format!("files/{id}/content"));
        let answer = service.http.get(url).header("range", range).send().await.unwrap();
        let header = answer.headers().get("content-range").map(|value| value.to_str().unwrap().to_owned());
        (answer.status().as_u16(), header, answer.text().await.unwrap())
    };
    assert_eq!(read(&service, &id, "bytes=2-4").await, (206, Some("bytes 2-4/10".into()), "234".into()));
    assert_eq!(read(&service, &id, "bytes=7-").await, (206, Some("bytes 7-9/10".into()), "789".into()));
    assert_eq!(read(&service, &id, "bytes=10-").await, (416, Some("bytes */10".into()), String::new()));
    let mut config = frozen();
    config.files.ignore_range = true;
    let service = start(config).await;
    let id = service.upload("0123456789").await;
    assert_eq!(read(&service, &id, "bytes=2-4").await, (200, None, "0123456789".into()));
}

#[tokio::test]
async fn an_import_is_fetched_in_the_background() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let blob = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new()
        .route("/in.jsonl", get(|| async { lines(3) }))
        .route("/gone.jsonl", get(|| async { StatusCode::NOT_FOUND }));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let service = start(frozen()).await;
    let import = async |content_url: String| {
        let request = json!({"purpose": "batch", "filename": "in.jsonl", "content_url": content_url});
        service.http.post(service.dated("files/import")).json(&request).send().await.unwrap()
    };
    let settled = async |answer: reqwest::Response| {
        assert_eq!(answer.status(), 201);
        let file = value(answer).await;
        assert_eq!((&file["status"], file.get("bytes")), (&json!("pending"), None));
        let url = service.dated(&format!("files/{}", file["id"].as_str().unwrap()));
        loop {
            service.advance(1);
            let file = service.get(&url).await;
            if file["status"] != "pending" {
                return file;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let good = settled(import(format!("{blob}/in.jsonl?sig=secret")).await).await;
    assert_eq!((&good["status"], &good["bytes"]), (&json!("processed"), &json!(lines(3).len())));
    assert_eq!(service.create_raw(good["id"].as_str().unwrap()).await.status(), 200);
    let bad = settled(import(format!("{blob}/gone.jsonl?sig=secret")).await).await;
    assert_eq!(bad["status"], "error");
    let details = bad["status_details"].as_str().unwrap();
    assert!(details.contains("fileImportFailed") && !details.contains("secret"), "{details}");
    assert_eq!(import("http://192.0.2.1/x".to_owned()).await.status(), 400);
}
