//! Batches and imports that read from storage and write to it.

use aoai_emulator::{EmulatorConfig, LakeEntry};
use serde_json::{Value, json};

use crate::{
    lake_support::{ACCOUNT, lake, with_filesystems},
    support::{DATED, Service, ids, lines, sorted, start, value},
};

impl Service {
    fn blob(&self, path: &str) -> String {
        self.lake_url(path, "").to_string()
    }

    async fn put(&self, filesystem: &str, path: &str, text: &str) {
        let bytes = text.as_bytes().to_vec();
        self.emulator.control().lake_put(ACCOUNT, filesystem, path, bytes).await.unwrap();
    }

    async fn create_with(&self, url: &str, more: Value) -> (u16, Value) {
        let mut body = json!({"endpoint": "/chat/completions", "completion_window": "24h"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let response = self.http.post(url).json(&body).send().await.unwrap();
        (response.status().as_u16(), value(response).await)
    }

    /// A batch from `one/in.jsonl` to `two/out`.
    async fn submit_blob(&self) -> Value {
        let more =
            json!({"input_blob": self.blob("one/in.jsonl"), "output_folder": {"url": self.blob("two/out")}});
        let (status, batch) = self.create_with(&self.v1("batches"), more).await;
        assert_eq!(status, 200, "{batch}");
        batch
    }

    async fn entries(&self, filesystem: &str) -> Vec<LakeEntry> {
        self.emulator.control().lake_entries(ACCOUNT, filesystem).await.unwrap()
    }

    async fn again(&self, batch: &Value) -> Value {
        self.batch(batch["id"].as_str().unwrap()).await
    }
}

fn failing(part: &str) -> EmulatorConfig {
    let outcome = json!({"error": {"status": 400, "code": "bad"}});
    let outcomes = json!([{"custom_id_contains": part, "outcome": outcome}]);
    EmulatorConfig {
        outcomes: serde_json::from_value(outcomes).unwrap(),
        ..with_filesystems(&["one", "two"])
    }
}

#[tokio::test]
async fn results_are_written_below_the_output_folder() {
    let service = start(failing("line-1")).await;
    service.put("one", "in.jsonl", &lines(3)).await;
    let batch = service.submit_blob().await;
    assert_eq!(batch["input_file_id"], Value::Null);
    assert_eq!(batch["input_blob"], service.blob("one/in.jsonl"));
    assert_eq!((&batch["output_blob"], &batch["error_blob"]), (&json!(""), &json!("")));
    service.advance(1);
    let running = service.again(&batch).await;
    assert_eq!((&running["status"], &running["output_blob"]), (&json!("in_progress"), &json!("")));
    service.advance(60);
    let done = service.again(&batch).await;
    assert_eq!(done["status"], "completed");
    assert_eq!((&done["output_file_id"], &done["error_file_id"]), (&Value::Null, &Value::Null));
    let folder = service.blob("two/out/");
    let tail = |field: &str| done[field].as_str().unwrap().strip_prefix(&folder).unwrap().to_owned();
    let (output, errors) = (tail("output_blob"), tail("error_blob"));
    let (directory, name) = output.split_once('/').unwrap();
    assert!(uuid::Uuid::parse_str(directory).is_ok() && name == "results.jsonl", "{output}");
    assert_eq!(errors, format!("{directory}/errors.jsonl"));
    let rows = async |path: &str| -> Vec<Value> {
        let text = service.read(&format!("two/out/{path}")).await;
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    assert_eq!(sorted(ids(&rows(&output).await)), ["line-0", "line-2"]);
    assert_eq!(ids(&rows(&errors).await), ["line-1"]);
    assert!(service.emulator.control().snapshot().await.files.is_empty());
}

#[tokio::test]
async fn both_urls_are_told_but_empty_results_are_not_written() {
    let service = lake().await;
    service.put("one", "in.jsonl", &lines(2)).await;
    let batch = service.submit_blob().await;
    service.advance(60);
    let done = service.again(&batch).await;
    assert!(done["error_blob"].as_str().unwrap().ends_with("/errors.jsonl"));
    let files: Vec<String> =
        service.entries("two").await.into_iter().filter(|one| !one.directory).map(|one| one.path).collect();
    assert_eq!(files.len(), 1);
    assert!(files[0].ends_with("/results.jsonl"));
}

#[tokio::test]
async fn exactly_one_input_is_wanted() {
    let service = lake().await;
    service.put("one", "in.jsonl", &lines(1)).await;
    let file = service.upload(lines(1)).await;
    let (blob, folder) = (service.blob("one/in.jsonl"), json!({"url": service.blob("two")}));
    let create = async |more: Value| service.create_with(&service.v1("batches"), more).await.0;
    assert_eq!(create(json!({})).await, 400);
    assert_eq!(
        create(json!({"input_file_id": file, "input_blob": blob, "output_folder": folder})).await,
        400
    );
    assert_eq!(create(json!({"input_blob": blob})).await, 400, "no output_folder");
    assert_eq!(create(json!({"input_blob": "http://127.0.0.1:1/x/y/z", "output_folder": folder})).await, 400);
    assert_eq!(
        create(json!({"input_file_id": null, "input_blob": blob, "output_folder": folder})).await,
        200
    );
    assert_eq!(create(json!({"input_file_id": file, "input_blob": ""})).await, 200);
    let body = json!({"input_blob": blob, "output_folder": folder});
    let old = format!("{}/openai/batches?api-version=2024-10-21", service.emulator.url());
    assert_eq!(service.create_with(&old, body.clone()).await.0, 400, "older versions do not know it");
    let dated = format!("{}/openai/batches?api-version={DATED}", service.emulator.url());
    assert_eq!(service.create_with(&dated, body).await.0, 200);
}

#[tokio::test]
async fn metadata_is_not_kept() {
    let service = lake().await;
    service.put("one", "in.jsonl", &lines(1)).await;
    let more = json!({
        "input_blob": service.blob("one/in.jsonl"), "output_folder": {"url": service.blob("two")},
        "metadata": {"k": "v"},
    });
    let (status, batch) = service.create_with(&service.v1("batches"), more).await;
    assert_eq!((status, &batch["metadata"]), (200, &Value::Null));
}

#[tokio::test]
async fn a_blob_that_changes_before_validation_ends_fails_the_batch() {
    let service = lake().await;
    service.put("one", "in.jsonl", &lines(1)).await;
    let batch = service.submit_blob().await;
    service.put("one", "in.jsonl", &lines(2)).await;
    service.advance(60);
    let failed = service.again(&batch).await;
    assert_eq!(failed["status"], "failed");
    assert_eq!(failed["errors"]["data"][0]["code"], "input_modified");
    assert!(failed["output_blob"].as_str().unwrap().ends_with("results.jsonl"));
    assert!(service.entries("two").await.is_empty());
    assert_eq!(service.emulator.control().books().await.billed_total, 0);
}

#[tokio::test]
async fn a_blob_that_changes_later_does_not_matter() {
    let service = lake().await;
    service.put("one", "in.jsonl", &lines(3)).await;
    let batch = service.submit_blob().await;
    // Nobody looks in between.
    service.advance(1);
    service.put("one", "in.jsonl", &lines(1)).await;
    service.advance(60);
    let done = service.again(&batch).await;
    assert_eq!((&done["status"], &done["request_counts"]["completed"]), (&json!("completed"), &json!(3)));
}

#[tokio::test]
async fn a_blob_that_is_not_there_fails_the_batch() {
    let service = lake().await;
    let never = service.submit_blob().await;
    service.put("one", "in.jsonl", &lines(1)).await;
    let gone = service.submit_blob().await;
    service.ask("DELETE", "one/in.jsonl", "", &[]).await;
    assert_eq!(never["status"], "validating");
    service.advance(60);
    for batch in [never, gone] {
        let failed = service.again(&batch).await;
        assert_eq!(failed["errors"]["data"][0]["code"], "input_no_permissions", "{failed}");
    }
}

#[tokio::test]
async fn a_blob_that_is_too_large_fails_the_batch() {
    let mut config = with_filesystems(&["one", "two"]);
    config.batches.max_blob_bytes = 10;
    let service = start(config).await;
    service.put("one", "in.jsonl", &lines(1)).await;
    let batch = service.submit_blob().await;
    service.advance(60);
    assert_eq!(service.again(&batch).await["status"], "failed");
}

#[tokio::test]
async fn books_know_blobs_by_their_content() {
    let service = lake().await;
    service.put("one", "in.jsonl", &lines(2)).await;
    service.submit_blob().await;
    service.submit(lines(2)).await;
    service.advance(60);
    let books = service.emulator.control().books().await;
    assert_eq!(books.batches[0].input_sha256, books.batches[1].input_sha256);
    assert_eq!(
        (books.batches[0].input_file_id.as_str(), books.batches[0].input_filename.as_str()),
        ("", "one/in.jsonl")
    );
    assert_eq!((books.billed_total, books.paid_twice.len()), (4, 2));
}

#[tokio::test]
async fn uncommitted_bytes_are_not_read() {
    let service = lake().await;
    service.write("one/in.jsonl", &lines(1)).await;
    service.append("one/in.jsonl", lines(1).len(), "not json at all\n", "").await;
    let batch = service.submit_blob().await;
    service.advance(60);
    let done = service.again(&batch).await;
    assert_eq!((&done["status"], &done["request_counts"]["total"]), (&json!("completed"), &json!(1)));
}

#[tokio::test]
async fn imports_read_storage_with_the_services_own_identity() {
    let service = lake().await;
    service.put("one", "dir/in ü.jsonl", &lines(1)).await;
    let import = async |url: String| -> Value {
        let body = json!({"purpose": "batch", "filename": "in.jsonl", "content_url": url});
        let response = service.http.post(service.dated("files/import")).json(&body).send().await.unwrap();
        let id = value(response).await["id"].as_str().unwrap().to_owned();
        for _ in 0..400 {
            let file = service.get(&service.v1(&format!("files/{id}"))).await;
            if file["status"] == "processed" || file["status"] == "error" {
                return file;
            }
            service.advance(1);
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("the import never ends");
    };
    let reads = || async {
        let requests = service.emulator.control().snapshot().await.requests;
        requests.get(&aoai_emulator::Operation::LakeRead).copied().unwrap_or(0)
    };
    let inside = import(service.blob("one/dir/in ü.jsonl")).await;
    assert_eq!((&inside["status"], &inside["bytes"]), (&json!("processed"), &json!(lines(1).len())));
    assert_eq!(reads().await, 0);
    let signed = import(service.blob("one/dir/in ü.jsonl") + "?sv=2026-10-06&sig=x").await;
    assert_eq!(signed["status"], "processed");
    assert_eq!(reads().await, 1);
    assert_eq!(import(service.blob("one/none")).await["status"], "error");
}
