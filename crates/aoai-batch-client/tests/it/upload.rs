//! Uploads: streamed, exact, and repeated only where that is safe.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use aoai_batch_client::{
    Applied, BatchApi, BatchClientOptions, ByteStream, ErrorKind, ExpiresAfter, FileObject, Result, Upload,
};
use axum::{extract::State, http::HeaderMap, routing::post};
use futures::{FutureExt, StreamExt, stream};
use tokio::net::TcpSocket;

use crate::support::{Raw, RawServer, Reply, Server, client, client_with, file, http, nobody, options};

const CHUNK: usize = 64 << 10;

/// `chunks` chunks; counts how many were asked for.
fn generated(chunks: usize, asked: Arc<AtomicUsize>) -> ByteStream {
    let chunk = move |index: usize| {
        asked.fetch_add(1, SeqCst);
        Ok(vec![u8::try_from(index % 251).unwrap(); CHUNK].into())
    };
    stream::iter(0..chunks).map(chunk).boxed()
}

async fn upload(server: &Server, upload: Upload) -> Result<FileObject> {
    server.client().upload_file(upload).await
}

#[tokio::test]
async fn the_form_is_what_the_service_asks_for() {
    let server = Server::new([Reply::new(201, file("file-1"))]).await;
    let body = Upload::from_bytes("my \"big\" file.jsonl", "{}\n")
        .expires_after(ExpiresAfter { seconds: 1_209_600 });
    assert_eq!(upload(&server, body).await.unwrap().id.0, "file-1");

    let seen = &server.seen()[0];
    assert_eq!(seen.line(), "POST /openai/v1/files");
    let boundary =
        seen.header("content-type").unwrap().strip_prefix("multipart/form-data; boundary=").unwrap();
    assert_eq!(seen.header("content-length").unwrap(), seen.body.len().to_string());
    let text = seen.text();
    let parts: Vec<_> =
        text.split(&format!("--{boundary}")).map(str::trim).filter(|part| !part.is_empty()).collect();
    assert_eq!(
        parts,
        [
            "Content-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch",
            "Content-Disposition: form-data; name=\"expires_after.seconds\"\r\n\r\n1209600",
            "Content-Disposition: form-data; name=\"expires_after.anchor\"\r\n\r\ncreated_at",
            "Content-Disposition: form-data; name=\"file\"; filename=\"my \\\"big\\\" file.jsonl\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n{}",
            "--",
        ]
    );
}

#[tokio::test]
async fn a_filename_cannot_add_headers() {
    let server = Server::new([]).await;
    let error = upload(&server, Upload::from_bytes("a\r\nX-Evil: 1", "{}")).await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (ErrorKind::Local, Applied::No));
    assert_eq!(server.lines().len(), 0);
}

#[tokio::test]
async fn without_a_length_the_body_is_chunked_and_complete() {
    let server = Server::new([Reply::new(200, file("file-1"))]).await;
    let body = Upload::from_stream("a.jsonl", None, generated(8, Arc::default()));
    upload(&server, body).await.unwrap();
    let seen = &server.seen()[0];
    assert_eq!(seen.header("transfer-encoding"), Some("chunked"));
    assert_eq!(seen.header("content-length"), None);
    assert!(seen.body.len() > 8 * CHUNK);
}

#[tokio::test]
async fn a_reader_is_sent_whole() {
    let bytes: Vec<u8> = (0..600_000_u32).map(|i| u8::try_from(i % 253).unwrap()).collect();
    let server = Server::new([Reply::new(200, file("file-1"))]).await;
    let reader = std::io::Cursor::new(bytes.clone());
    upload(&server, Upload::from_reader("a.jsonl", Some(600_000), reader)).await.unwrap();
    let body = &server.seen()[0].body;
    assert!(body.windows(bytes.len()).any(|window| window == bytes));
}

/// What a server that reads slowly sees.
#[derive(Clone, Default)]
struct SlowReader {
    asked: Arc<AtomicUsize>,
    /// The most chunks that were asked for before the server had read them.
    ahead: Arc<AtomicUsize>,
    read: Arc<AtomicUsize>,
    pauses: usize,
}

/// Reads the body with a pause now and then, watching how far ahead the sender is.
async fn read_slowly(State(state): State<SlowReader>, headers: HeaderMap, body: axum::body::Body) -> String {
    let length: usize = headers["content-length"].to_str().unwrap().parse().unwrap();
    let pause_every = length / (state.pauses + 1);
    let mut body = body.into_data_stream();
    let (mut read, mut pauses) = (0, 1);
    while let Some(chunk) = body.next().await {
        read += chunk.unwrap().len();
        if read >= pauses * pause_every {
            pauses += 1;
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
        let ahead = state.asked.load(SeqCst).saturating_sub(read / CHUNK);
        state.ahead.fetch_max(ahead, SeqCst);
    }
    assert_eq!(read, length);
    state.read.store(read, SeqCst);
    file("file-1")
}

async fn slow_server(state: SlowReader) -> std::net::SocketAddr {
    let socket = TcpSocket::new_v4().unwrap();
    // Else the kernel takes half of the file for the reader.
    socket.set_recv_buffer_size(256 << 10).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(16).unwrap();
    let address = listener.local_addr().unwrap();
    let limit = axum::extract::DefaultBodyLimit::disable();
    let router =
        axum::Router::new().route("/openai/v1/files", post(read_slowly)).layer(limit).with_state(state);
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

#[tokio::test]
async fn a_big_file_is_streamed_with_its_exact_length() {
    const CHUNKS: usize = 1024; // 64 MiB
    let state = SlowReader { pauses: 8, ..SlowReader::default() };
    let address = slow_server(state.clone()).await;
    let body = generated(CHUNKS, Arc::clone(&state.asked));
    let upload = Upload::from_stream("big.jsonl", Some((CHUNKS * CHUNK) as u64), body);
    client(address).upload_file(upload).await.unwrap();
    let (read, ahead) = (state.read.load(SeqCst), state.ahead.load(SeqCst));
    assert!((CHUNKS * CHUNK..CHUNKS * CHUNK + 1024).contains(&read), "{read} bytes arrived");
    // Socket buffers hold some MiB at the sender; the rest must wait for the reader.
    assert!(ahead < CHUNKS / 4, "{ahead} chunks of {CHUNKS} were taken before they were read");
}

#[tokio::test]
async fn an_upload_may_take_longer_than_a_silence_may() {
    let state = SlowReader { pauses: 16, ..SlowReader::default() };
    let address = slow_server(state.clone()).await;
    let options = BatchClientOptions {
        read_timeout: Duration::from_millis(600),
        call_timeout: Duration::from_millis(600),
        ..options()
    };
    let body = generated(512, Arc::clone(&state.asked));
    let upload = Upload::from_stream("big.jsonl", Some((512 * CHUNK) as u64), body);
    let begin = tokio::time::Instant::now();
    client_with(address, options).upload_file(upload).await.unwrap();
    assert!(begin.elapsed() > Duration::from_millis(600), "too quick to tell: {:?}", begin.elapsed());
}

#[tokio::test]
async fn an_upload_that_is_not_answered_ends() {
    let server = RawServer::new([Raw::Stall(Vec::new())]).await;
    let options = BatchClientOptions { read_timeout: Duration::from_millis(100), ..options() };
    let client = client_with(server.address, options);
    let error = client.upload_file(Upload::from_bytes("a.jsonl", "{}")).await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (ErrorKind::Interrupted, Applied::Unknown));
    assert!(error.message().contains("in time"), "{error}");
    assert_eq!(server.heads().len(), 1);
}

#[tokio::test]
async fn what_can_be_read_once_is_sent_once() {
    for status in [429, 503] {
        let server = Server::new([Reply::new(status, "{}"), Reply::new(200, file("file-1"))]).await;
        let body = Upload::from_stream("a.jsonl", Some(CHUNK as u64), generated(1, Arc::default()));
        let error = upload(&server, body).await.unwrap_err();
        assert_eq!((error.status(), error.attempts()), (Some(status), 1));
        assert_eq!(server.lines().len(), 1);
    }
}

#[tokio::test]
async fn what_can_be_reopened_is_sent_again_and_whole() {
    for status in [429, 503] {
        let server = Server::new([Reply::new(status, "{}"), Reply::new(200, file("file-1"))]).await;
        let opened = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&opened);
        let body = Upload::from_opener("a.jsonl", Some(4 * CHUNK as u64), move || {
            count.fetch_add(1, SeqCst);
            async { Ok(generated(4, Arc::default())) }.boxed()
        });
        upload(&server, body).await.unwrap();
        assert_eq!(opened.load(SeqCst), 2, "{status}");
        let seen = server.seen();
        assert_eq!(seen.len(), 2);
        let content: Vec<u8> = (0..4).flat_map(|byte| vec![byte; CHUNK]).collect();
        for seen in seen {
            let start = seen.body.windows(4).position(|window| window == [0; 4]).unwrap();
            assert!(seen.body[start..].starts_with(&content), "{status}");
        }
    }
}

#[tokio::test]
async fn an_upload_that_may_have_arrived_is_not_repeated() {
    let internal = Raw::Write(http("500 Internal Server Error", &["content-length: 2"], b"{}"));
    let cut = Raw::Write(http("201 Created", &["content-length: 99"], b"{"));
    for (name, step) in [("reset", Raw::Reset), ("500", internal), ("cut", cut)] {
        let server = RawServer::new([step]).await;
        let error = server.client().upload_file(Upload::from_bytes("a.jsonl", "{}")).await.unwrap_err();
        assert_eq!((error.applied(), error.attempts()), (Applied::Unknown, 1), "{name}: {error:?}");
        assert_eq!(server.heads().len(), 1, "{name}");
    }
}

#[tokio::test]
async fn without_a_connection_an_upload_is_tried_again() {
    let error = client(nobody().await).upload_file(Upload::from_bytes("a.jsonl", "{}")).await.unwrap_err();
    assert_eq!((error.kind(), error.applied(), error.attempts()), (ErrorKind::Connection, Applied::No, 3));
}

#[tokio::test]
async fn a_refusal_before_the_end_of_the_body_is_heard() {
    let refusal = br#"{"error":{"code":"413","message":"File is too large."}}"#;
    let answer = http("413 Payload Too Large", &[&format!("content-length: {}", refusal.len())], refusal);
    let server = RawServer::new([Raw::Early(answer)]).await;
    let body = Upload::from_stream("a.jsonl", Some(512 * CHUNK as u64), generated(512, Arc::default()));
    let error = server.client().upload_file(body).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Rejected, Some(413)), "{error:?}");
}

#[tokio::test]
async fn a_source_that_breaks_or_lies_is_our_own_fault() {
    let breaks = || stream::iter([Ok("{}".into()), Err(std::io::Error::other("lost the lake"))]).boxed();
    let two = || stream::iter([Ok("{}".into())]).boxed();
    let cases: [(&str, Option<u64>, ByteStream); 4] = [
        ("lost the lake", Some(1000), breaks()),
        ("lost the lake", None, breaks()),
        ("2 bytes instead of 3", Some(3), two()),
        ("more than 1 byte", Some(1), two()),
    ];
    for (message, length, stream) in cases {
        let server = Server::new([Reply::new(200, file("file-1"))]).await;
        let error = upload(&server, Upload::from_stream("a.jsonl", length, stream)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Local, "{error:?}");
        assert!(error.message().contains(message), "{error}");
    }
}

#[tokio::test]
async fn a_source_that_cannot_be_opened_is_not_asked_again() {
    let server = Server::new([]).await;
    let opened = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&opened);
    let body = Upload::from_opener("a.jsonl", None, move || {
        count.fetch_add(1, SeqCst);
        async { Err(std::io::Error::other("gone")) }.boxed()
    });
    let error = upload(&server, body).await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (ErrorKind::Local, Applied::No));
    assert_eq!((opened.load(SeqCst), server.lines().len()), (1, 0));
}
