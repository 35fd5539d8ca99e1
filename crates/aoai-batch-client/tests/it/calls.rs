//! Small calls: retries, what counts as done, listings, errors.

use std::time::Duration;

use aoai_batch_client::{
    Applied, BatchApi, BatchApiExt, BatchClientOptions, BatchId, DeletedFile, ErrorKind, FileId, FileQuery,
    ImportFile, PageQuery, RetryOptions,
};
use futures::TryStreamExt;
use tokio::time::Instant;

use crate::support::{Raw, RawServer, Reply, Server, batch, client_with, file, http, options};

fn id() -> FileId {
    FileId("file-1".into())
}

fn batch_id() -> BatchId {
    BatchId("batch_1".into())
}

#[tokio::test]
async fn a_read_is_tried_again_after_whatever_passes() {
    let answer = file("file-1");
    let length = format!("content-length: {}", answer.len());
    let good = || Raw::answer("200 OK", &[&length], answer.as_bytes());
    let steps = [
        Raw::Reset,
        Raw::Write(http("500 Internal Server Error", &["content-length: 0"], b"")),
        Raw::answer("200 OK", &["content-length: 500"], b"{"),
        Raw::answer("200 OK", &["content-length: 6"], b"<html>"),
        Raw::answer("408 Request Timeout", &["content-length: 0"], b""),
    ];
    for step in steps {
        let server = RawServer::new([step.clone(), good()]).await;
        server.client().get_file(&id()).await.unwrap();
        assert_eq!(server.heads().len(), 2, "{step:?}");
    }
}

#[tokio::test]
async fn a_query_of_ones_own_goes_out_as_it_is_and_the_services_clock_comes_back() {
    let list = format!(r#"{{"data":[{}],"has_more":false}}"#, batch("batch_1", "completed"));
    let server = Server::new([Reply::new(200, list).header("date", "Wed, 21 Oct 2026 07:28:00 GMT")]).await;
    let found =
        server.client().query_batches(&[("$filter", "created_at gt 1"), ("limit", "1")]).await.unwrap();
    assert_eq!((found.page.data[0].id.0.as_str(), found.date), ("batch_1", Some(1_792_567_680)));
    assert!(server.lines()[0].contains("?%24filter=created_at+gt+1&limit=1"), "{:?}", server.lines());
}

#[tokio::test]
async fn attempts_are_capped_and_counted() {
    let server = Server::new((0..9).map(|_| Reply::new(500, "{}"))).await;
    let error = server.client().get_file(&id()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts(), error.status()), (ErrorKind::Unavailable, 3, Some(500)));
    assert_eq!(error.applied(), Applied::No, "a read changes nothing");
    assert_eq!(server.lines().len(), 3);
}

#[tokio::test]
async fn what_will_not_pass_is_asked_once() {
    let quota = r#"{"error":{"code":"quotaExceeded","message":"The maximum is 500."}}"#;
    for (status, body) in [(400, "{}"), (401, "{}"), (403, "{}"), (404, "{}"), (413, "{}"), (400, quota)] {
        let server = Server::new([Reply::new(status, body)]).await;
        assert_eq!(server.client().get_file(&id()).await.unwrap_err().status(), Some(status));
        assert_eq!(server.lines().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn the_wait_that_the_service_asks_for_is_kept() {
    let waits = [("retry-after-ms", "300", 300), ("retry-after", "1", 1000)];
    for (name, value, least) in waits {
        let server =
            Server::new([Reply::new(429, "{}").header(name, value), Reply::new(200, file("f"))]).await;
        let begin = Instant::now();
        server.client().get_file(&id()).await.unwrap();
        let waited = begin.elapsed();
        assert!(waited >= Duration::from_millis(least), "{name}: {waited:?}");
        assert!(waited < Duration::from_millis(least + 900), "{name}: {waited:?}");
    }
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_left_to_the_caller() {
    let server = Server::new([Reply::new(429, "{}").header("retry-after", "3600")]).await;
    let error = server.client().get_file(&id()).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)));
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Throttled, 1));
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_tried_again() {
    let server =
        Server::new([Reply::new(200, file("a")).after(Duration::from_secs(3)), Reply::new(200, file("b"))]);
    let server = server.await;
    let options = BatchClientOptions { call_timeout: Duration::from_millis(200), ..options() };
    let found = client_with(server.address, options).get_file(&id()).await.unwrap();
    assert_eq!(found.id.0, "b");
}

#[tokio::test]
async fn one_attempt_means_one() {
    let retry = RetryOptions { max_attempts: 1, ..RetryOptions::default() };
    let server = Server::new([Reply::new(503, "")]).await;
    let error = client_with(server.address, BatchClientOptions { retry, ..options() }).get_file(&id()).await;
    assert_eq!(error.unwrap_err().attempts(), 1);
}

#[tokio::test]
async fn deleting_succeeds_whether_the_file_is_there_or_not() {
    let gone = Reply::new(404, r#"{"error":{"code":"404","message":"Resource not found"}}"#);
    let server = Server::new([Reply::new(200, r#"{"deleted":true}"#), gone, Reply::new(204, "")]).await;
    let client = server.client();
    assert_eq!(client.delete_file(&id()).await.unwrap(), DeletedFile::Deleted);
    assert_eq!(client.delete_file(&id()).await.unwrap(), DeletedFile::Absent);
    assert_eq!(client.delete_file(&id()).await.unwrap(), DeletedFile::Deleted);
    assert_eq!(server.lines(), vec!["DELETE /openai/v1/files/file-1"; 3]);
}

#[tokio::test]
async fn cancelling_what_has_ended_is_fine_at_once() {
    for (status, state) in [(409, "completed"), (400, "Cancelled"), (409, "cancelling")] {
        let replies = [Reply::new(status, "{}"), Reply::new(200, batch("batch_1", state))];
        let server = Server::new(replies).await;
        let found = server.client().cancel_batch(&batch_id()).await.unwrap();
        assert_eq!(found.status.as_str(), state.to_lowercase());
        let expected = ["POST /openai/v1/batches/batch_1/cancel", "GET /openai/v1/batches/batch_1"];
        assert_eq!(server.lines(), expected);
        assert_eq!(server.seen()[0].header("content-length"), Some("0"));
    }
}

#[tokio::test]
async fn a_batch_that_cannot_be_cancelled_is_an_error() {
    let running = || Reply::new(200, batch("batch_1", "in_progress"));
    let server = Server::new([Reply::new(400, "{}"), running()]).await;
    assert_eq!(server.client().cancel_batch(&batch_id()).await.unwrap_err().kind(), ErrorKind::Rejected);

    let cancelling = Reply::new(200, batch("batch_1", "cancelling"));
    let server = Server::new([Reply::new(503, "{}"), running(), cancelling]).await;
    server.client().cancel_batch(&batch_id()).await.unwrap();
    assert_eq!(server.lines().len(), 3, "tried again");
}

#[tokio::test]
async fn importing_is_dated_and_not_repeated_if_it_may_have_arrived() {
    let import =
        ImportFile { filename: "a.jsonl".into(), content_url: "https://h/a.jsonl?sig=s3cret".into() };
    let server = Server::new([Reply::new(201, file("file-1"))]).await;
    server.client().import_file(&import).await.unwrap();
    assert_eq!(server.lines(), ["POST /openai/files/import?api-version=2024-10-21"]);
    let body: serde_json::Value = serde_json::from_slice(&server.seen()[0].body).unwrap();
    assert_eq!(body["content_url"], "https://h/a.jsonl?sig=s3cret");

    let server = RawServer::new([Raw::Reset]).await;
    let error = server.client().import_file(&import).await.unwrap_err();
    assert_eq!((error.applied(), server.heads().len()), (Applied::Unknown, 1));
}

#[tokio::test]
async fn listings_are_followed_by_last_id() {
    let pages = [
        format!(r#"{{"data":[{},{}],"has_more":true,"last_id":"b&c"}}"#, batch("a", ""), batch("b", "")),
        format!(r#"{{"value":[{}],"has_more":true}}"#, batch("d", "")),
        format!(r#"{{"data":[{}],"has_more":false,"last_id":"e"}}"#, batch("e", "")),
    ];
    let server = Server::new(pages.map(|page| Reply::new(200, page))).await;
    let query = PageQuery { limit: Some(2), after: None };
    let client = server.client();
    let all: Vec<_> = client.batches(query).map_ok(|batch| batch.id.0).try_collect().await.unwrap();
    assert_eq!(all, ["a", "b", "d", "e"]);
    let list = "GET /openai/v1/batches?";
    let expected =
        ["limit=2", "after=b%26c&limit=2", "after=d&limit=2"].map(|query| format!("{list}{query}"));
    assert_eq!(server.lines(), expected);
}

#[tokio::test]
async fn listings_that_go_in_circles_end() {
    let page = |id: &str, last: &str| {
        Reply::new(200, format!(r#"{{"data":[{}],"has_more":true,"last_id":"{last}"}}"#, file(id)))
    };
    let circle = [page("1", "a"), page("2", "b"), page("3", "a"), page("4", "b"), page("5", "a")];
    for (replies, requests) in [
        (vec![page("1", "a"), page("2", "a")], 2),
        (vec![page("1", "a"), Reply::new(200, r#"{"data":[],"has_more":true,"last_id":"z"}"#)], 2),
        (circle.to_vec(), 3),
    ] {
        let server = Server::new(replies).await;
        let query = FileQuery { purpose: Some("batch".into()), page: PageQuery::default() };
        let all: Vec<_> = server.client().files(query).try_collect().await.unwrap();
        assert_eq!(server.lines().len(), requests, "{all:?}");
        assert_eq!(server.lines()[0], "GET /openai/v1/files?purpose=batch");
    }
}

#[tokio::test]
async fn a_failed_page_ends_the_listing_with_its_error() {
    let first = format!(r#"{{"data":[{}],"has_more":true}}"#, file("1"));
    let server = Server::new([Reply::new(200, first), Reply::new(403, "{}")]).await;
    let error = server.client().files(FileQuery::default()).try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
}

#[tokio::test]
async fn every_form_of_error_is_understood() {
    let long = "x".repeat(100_000);
    let told = format!(r#"{{"error":{{"message":"{long}"}}}}"#);
    let cases: [(&str, Option<&str>, &str); 9] = [
        (r#"{"error":{"code":"conflict","message":"m"}}"#, Some("conflict"), "HTTP 400, conflict: m"),
        (
            r#"{"error":{"code":null,"message":"m","inner_error":{"code":"v1"}}}"#,
            Some("v1"),
            "HTTP 400, v1: m",
        ),
        (r#"{"error":{"code":"","message":"m","innererror":{"code":"d"}}}"#, Some("d"), "HTTP 400, d: m"),
        (r#"{"error":{"code":404,"message":"m"}}"#, Some("404"), "HTTP 400, 404: m"),
        (r#"{"code":"top","message":"m"}"#, Some("top"), "HTTP 400, top: m"),
        (r#"{"error":"m"}"#, None, "HTTP 400: m"),
        ("<html>\n <b>Bad</b></html>", None, "HTTP 400: <html> <b>Bad</b></html>"),
        (&long, None, "HTTP 400: xxx"),
        (&told, None, "HTTP 400: xxx"),
    ];
    for (body, code, message) in cases {
        let reply = Reply::new(400, body.to_owned()).header("apim-request-id", "r-1");
        let server = Server::new([reply]).await;
        let error = server.client().get_file(&id()).await.unwrap_err();
        assert_eq!((error.code(), error.request_id()), (code, Some("r-1")));
        assert!(error.message().starts_with(message), "{error}");
        assert!(error.message().len() < 1100, "{}", error.message().len());
    }
}

#[tokio::test]
async fn an_error_with_a_cut_body_is_still_that_error() {
    let server = RawServer::new([Raw::answer("403 Forbidden", &["content-length: 99"], b"no ro")]).await;
    let error = server.client().get_file(&id()).await.unwrap_err();
    assert_eq!((error.status(), error.message()), (Some(403), "HTTP 403: no ro"));
}
