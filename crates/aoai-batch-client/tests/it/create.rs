//! Creating a batch: one request, whatever happens to it.

use std::time::Duration;

use aoai_batch_client::{
    Applied, BatchApi, BatchClientOptions, CreateBatch, ErrorKind, ExpiresAfter, FileId,
};

use crate::support::{Raw, RawServer, Reply, Server, batch, client, client_with, nobody, options};

fn create() -> CreateBatch {
    CreateBatch {
        input_file_id: Some(FileId("file-1".into())),
        endpoint: "/chat/completions".into(),
        completion_window: "24h".into(),
        ..CreateBatch::default()
    }
}

#[tokio::test]
async fn a_batch_is_created_with_one_request_and_its_headers_are_read() {
    let server = Server::new([Reply::new(201, batch("batch_1", "Validating"))
        .header("deployment-enqueued-tokens", "139")
        .header("deployment-maximum-enqueued-tokens", "740000")])
    .await;
    let expiry = Some(ExpiresAfter { seconds: 1_209_600 });
    let metadata = [("run".to_owned(), "7".to_owned())].into();
    let create = CreateBatch { output_expires_after: expiry, metadata, ..create() };
    let created = server.client().create_batch(&create).await.unwrap();
    assert_eq!(created.batch.id.0, "batch_1");
    let enqueued = created.enqueued.unwrap();
    assert_eq!((enqueued.enqueued, enqueued.maximum), (139, Some(740_000)));

    assert_eq!(server.lines(), ["POST /openai/v1/batches"]);
    let seen = &server.seen()[0];
    assert_eq!(seen.header("content-type"), Some("application/json"));
    let body: serde_json::Value = serde_json::from_slice(&seen.body).unwrap();
    let expected = serde_json::json!({
        "input_file_id": "file-1", "endpoint": "/chat/completions", "completion_window": "24h",
        "metadata": { "run": "7" }, "output_expires_after": { "anchor": "created_at", "seconds": 1_209_600 }
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn an_answer_that_is_an_error_is_not_asked_for_again() {
    use ErrorKind as K;
    let cases = [
        (500, K::Unavailable, Applied::Unknown),
        (503, K::Unavailable, Applied::Unknown),
        (408, K::Unavailable, Applied::Unknown),
        (409, K::Unavailable, Applied::Unknown),
        (429, K::Throttled, Applied::No),
        (400, K::Rejected, Applied::No),
        (401, K::Unauthorized, Applied::No),
    ];
    for (status, kind, applied) in cases {
        let replies =
            [Reply::new(status, "{}").header("retry-after-ms", "1"), Reply::new(200, batch("b", ""))];
        let server = Server::new(replies).await;
        let error = server.client().create_batch(&create()).await.unwrap_err();
        assert_eq!((error.kind(), error.applied(), error.attempts()), (kind, applied, 1), "{status}");
        assert_eq!(error.retry_after(), Some(Duration::from_millis(1)));
        assert_eq!(server.lines().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_not_opened_again() {
    let whole = batch("batch_1", "validating");
    let cases = [
        ("reset", Raw::Reset),
        ("closed without an answer", Raw::Write(Vec::new())),
        ("cut in the head", Raw::Write(b"HTTP/1.1 200 OK\r\nconte".to_vec())),
        ("cut in the body", Raw::answer("200 OK", &["content-length: 500"], whole.as_bytes())),
        ("not JSON", Raw::answer("200 OK", &["content-length: 6"], b"<html>")),
        ("without an id", Raw::answer("200 OK", &["content-length: 2"], b"{}")),
    ];
    for (name, step) in cases {
        let server = RawServer::new([step]).await;
        let error = server.client().create_batch(&create()).await.unwrap_err();
        let outcome = (error.kind(), error.applied(), error.attempts());
        assert_eq!(outcome, (ErrorKind::Interrupted, Applied::Unknown, 1), "{name}: {error:?}");
        assert_eq!(server.heads().len(), 1, "{name}");
    }
}

#[tokio::test]
async fn the_deadline_ends_a_call_before_and_within_the_answer() {
    let options = BatchClientOptions { call_timeout: Duration::from_millis(100), ..options() };
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"id\":".to_vec();
    for (name, bytes) in [("no answer", Vec::new()), ("half an answer", head)] {
        let server = RawServer::new([Raw::Stall(bytes)]).await;
        let error = client_with(server.address, options.clone()).create_batch(&create()).await.unwrap_err();
        assert_eq!((error.kind(), error.applied()), (ErrorKind::Interrupted, Applied::Unknown), "{name}");
        assert!(error.message().contains("in time"), "{name}: {error}");
        assert_eq!(server.heads().len(), 1, "{name}");
    }
}

#[tokio::test]
async fn without_a_connection_nothing_was_applied() {
    let error = client(nobody().await).create_batch(&create()).await.unwrap_err();
    assert_eq!((error.kind(), error.applied(), error.attempts()), (ErrorKind::Connection, Applied::No, 1));
}
