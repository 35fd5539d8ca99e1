//! Downloads: the exact bytes, or an error.

use std::time::Duration;

use aoai_batch_client::{BatchApi, BatchClient, BatchClientOptions, Error, ErrorKind, FileId};
use bytes::Bytes;
use futures::TryStreamExt;

use crate::support::{Raw, RawServer, Reply, Server, client_with, options};

const FILE: &[u8] = b"0123456789";

async fn read(client: &BatchClient, offset: u64) -> Result<(Option<u64>, Vec<u8>), Error> {
    let content = client.file_content(&FileId("f".into()), offset).await?;
    let chunks: Vec<Bytes> = content.body.try_collect().await?;
    Ok((content.total, chunks.concat()))
}

/// The file from `first` to before `end`, in an answer that promises it to its end.
fn rest(first: usize, end: usize) -> Raw {
    let range = format!("content-range: bytes {first}-9/10");
    let length = format!("content-length: {}", 10 - first);
    Raw::answer("206 Partial Content", &[&range, &length], &FILE[first..end])
}

fn whole(end: usize) -> Raw {
    Raw::answer("200 OK", &["content-length: 10"], &FILE[..end])
}

fn unsatisfiable(range: &str) -> Raw {
    let range = format!("content-range: {range}");
    Raw::answer("416 Range Not Satisfiable", &[&range, "content-length: 0"], b"")
}

#[tokio::test]
async fn a_file_is_read_from_the_start_or_from_an_offset() {
    let server = RawServer::new([whole(10), rest(4, 10)]).await;
    assert_eq!(read(&server.client(), 0).await.unwrap(), (Some(10), FILE.to_vec()));
    assert_eq!(read(&server.client(), 4).await.unwrap(), (Some(10), b"456789".to_vec()));
    assert!(server.heads()[0].starts_with("get /openai/v1/files/f/content http"));
    assert_eq!(server.header("range"), [None, Some("bytes=4-".into())]);
}

#[tokio::test]
async fn a_cut_is_resumed_where_it_was() {
    let server = RawServer::new([whole(3), rest(3, 5), Raw::Reset, rest(5, 10)]).await;
    assert_eq!(read(&server.client(), 0).await.unwrap(), (Some(10), FILE.to_vec()));
    let ranges = [None, Some("bytes=3-".into()), Some("bytes=5-".into()), Some("bytes=5-".into())];
    assert_eq!(server.header("range"), ranges);
}

#[tokio::test]
async fn a_cut_chunked_body_is_resumed() {
    let chunked = |body: &[u8]| Raw::answer("200 OK", &["transfer-encoding: chunked"], body);
    let server = RawServer::new([chunked(b"4\r\n0123\r\n"), rest(4, 10)]).await;
    assert_eq!(read(&server.client(), 0).await.unwrap(), (None, FILE.to_vec()));
    let server = RawServer::new([chunked(b"a\r\n0123456789\r\n0\r\n\r\n")]).await;
    assert_eq!(read(&server.client(), 0).await.unwrap(), (None, FILE.to_vec()));
    assert_eq!(server.heads().len(), 1);
}

#[tokio::test]
async fn a_silent_connection_is_given_up_and_resumed() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123".to_vec();
    let server = RawServer::new([Raw::Stall(Vec::new()), Raw::Stall(head), rest(4, 10)]).await;
    let options = BatchClientOptions { read_timeout: Duration::from_millis(100), ..options() };
    assert_eq!(read(&client_with(server.address, options), 0).await.unwrap().1, FILE);
    assert_eq!(server.heads().len(), 3);
}

#[tokio::test]
async fn a_service_that_ignores_ranges_is_skipped_forward() {
    let server = RawServer::new([whole(10), whole(4), whole(2), whole(10)]).await;
    assert_eq!(read(&server.client(), 7).await.unwrap(), (Some(10), b"789".to_vec()));
    assert_eq!(read(&server.client(), 0).await.unwrap(), (Some(10), FILE.to_vec()), "resumed");
}

#[tokio::test]
async fn from_the_end_on_there_is_nothing() {
    let server = RawServer::new([unsatisfiable("bytes */10"), unsatisfiable("bytes */10")]).await;
    assert_eq!(read(&server.client(), 10).await.unwrap(), (Some(10), vec![]));
    assert_eq!(read(&server.client(), 99).await.unwrap(), (Some(10), vec![]));
    let server =
        RawServer::new([Raw::answer("416 Range Not Satisfiable", &["content-length: 0"], b"")]).await;
    assert_eq!(read(&server.client(), 10).await.unwrap(), (Some(10), vec![]));
}

#[tokio::test]
async fn a_service_that_contradicts_itself_is_not_believed() {
    let server = RawServer::new([whole(4), unsatisfiable("bytes */10")]).await;
    let error = read(&server.client(), 0).await.unwrap_err();
    assert_eq!(error.status(), Some(416), "{error:?}");

    let server = RawServer::new([whole(4), unsatisfiable("bytes */4")]).await;
    assert!(read(&server.client(), 0).await.unwrap_err().message().contains("changed its length"));

    let wrong = || Raw::answer("206 Partial Content", &["content-range: bytes 0-9/10"], FILE);
    let server = RawServer::new([wrong(), wrong(), wrong()]).await;
    assert_eq!(read(&server.client(), 4).await.unwrap_err().kind(), ErrorKind::Interrupted);

    let silent = || Raw::answer("206 Partial Content", &["content-length: 6"], &FILE[4..]);
    let server = RawServer::new([silent(), silent(), silent()]).await;
    let error = read(&server.client(), 4).await.unwrap_err();
    assert!(error.message().contains("no range"), "{error}");
}

#[tokio::test]
async fn a_body_that_ends_with_its_connection_is_checked() {
    let open_ended = |end: usize| Raw::answer("200 OK", &[], &FILE[..end]);
    let server = RawServer::new([open_ended(4), rest(4, 10)]).await;
    assert_eq!(read(&server.client(), 0).await.unwrap().1, FILE, "it was cut");
    let server = RawServer::new([open_ended(10), unsatisfiable("bytes */10")]).await;
    assert_eq!(read(&server.client(), 0).await.unwrap().1, FILE, "it was whole");
    let server = RawServer::new([open_ended(10), open_ended(10)]).await;
    assert_eq!(read(&server.client(), 0).await.unwrap().1, FILE, "ranges are ignored");
    assert_eq!(server.heads().len(), 2);
}

#[tokio::test]
async fn a_part_without_a_total_is_not_taken_for_the_whole() {
    let part = |first: usize, end: usize| {
        let range = format!("content-range: bytes {first}-{}/*", end - 1);
        let length = format!("content-length: {}", end - first);
        Raw::answer("206 Partial Content", &[&range, &length], &FILE[first..end])
    };
    let server = RawServer::new([part(2, 5), part(5, 10), unsatisfiable("bytes */10")]).await;
    assert_eq!(read(&server.client(), 2).await.unwrap().1, &FILE[2..]);
}

#[tokio::test]
async fn an_empty_file_is_empty() {
    let server = Server::new([Reply::new(200, "")]).await;
    assert_eq!(read(&server.client(), 0).await.unwrap(), (Some(0), vec![]));
    assert_eq!(server.lines().len(), 1);
}

#[tokio::test]
async fn cuts_without_progress_end_in_an_error() {
    let server = RawServer::new([whole(4), rest(4, 4), rest(4, 4), rest(4, 4), rest(4, 10)]).await;
    let error = read(&server.client(), 0).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Interrupted, 3));
    assert!(error.message().contains("byte 4 of 10"), "{error}");
    assert_eq!(server.heads().len(), 3);
}

#[tokio::test]
async fn cuts_with_progress_may_be_many() {
    let steps = std::iter::once(whole(1)).chain((1..10).map(|first| rest(first, first + 1)));
    let server = RawServer::new(steps).await;
    assert_eq!(read(&server.client(), 0).await.unwrap().1, FILE);
    assert_eq!(server.heads().len(), 10);
}

#[tokio::test]
async fn refusals_are_told_or_waited_for() {
    let server = Server::new([Reply::new(404, "{}")]).await;
    assert_eq!(read(&server.client(), 0).await.unwrap_err().kind(), ErrorKind::NotFound);
    let wait = Reply::new(429, "{}").header("retry-after-ms", "20");
    let server = Server::new([wait, Reply::new(503, ""), Reply::new(200, FILE)]).await;
    assert_eq!(read(&server.client(), 0).await.unwrap().1, FILE);
    assert_eq!(server.lines().len(), 3);
}

#[tokio::test]
async fn a_file_that_vanishes_half_way_is_an_error() {
    let gone = Raw::answer("404 Not Found", &["content-length: 2"], b"{}");
    let server = RawServer::new([whole(4), gone]).await;
    assert_eq!(read(&server.client(), 0).await.unwrap_err().kind(), ErrorKind::NotFound);
}
