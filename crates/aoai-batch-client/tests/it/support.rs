//! Servers that follow a script and remember what they were asked.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use aoai_batch_client::{BatchClient, BatchClientOptions, Credential, RetryOptions};
use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// The key of [`client`].
pub(crate) const KEY: &str = "k3y-that-must-not-be-shown";

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }
}

/// An answer of [`Server`].
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
    delay: Duration,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), delay: Duration::ZERO }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

/// A well-behaved HTTP server: gives its answers in order, then 599 for whatever else is asked.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
}

impl Server {
    pub(crate) async fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
            replies: Arc::new(Mutex::new(replies.into_iter().collect())),
        };
        let router = axum::Router::new().fallback(answer).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Methods and targets.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().iter().map(Seen::line).collect()
    }

    pub(crate) fn client(&self) -> BatchClient {
        client(self.address)
    }
}

async fn answer(State(server): State<Server>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    server.seen.lock().unwrap().push(Seen {
        method: head.method.to_string(),
        target: head.uri.to_string(),
        headers: head.headers,
        body,
    });
    let reply = server.replies.lock().unwrap().pop_front().unwrap_or_else(|| Reply::new(599, "not scripted"));
    tokio::time::sleep(reply.delay).await;
    let mut response = (StatusCode::from_u16(reply.status).unwrap(), Body::from(reply.body)).into_response();
    response.headers_mut().remove("content-type");
    for (name, value) in reply.headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

/// What [`RawServer`] does with a connection.
#[derive(Debug, Clone)]
pub(crate) enum Raw {
    /// Reads the request, then resets the connection.
    Reset,
    /// Reads the request, writes this, then closes.
    Write(Vec<u8>),
    /// Reads the request, writes this, then keeps the connection open without a word.
    Stall(Vec<u8>),
    /// Reads the head only, writes this, then closes.
    Early(Vec<u8>),
}

impl Raw {
    /// An answer with these header lines, whose body may be shorter than they promise.
    pub(crate) fn answer(status: &str, headers: &[&str], body: &[u8]) -> Self {
        Self::Write(http(status, headers, body))
    }
}

/// A whole answer as bytes.
pub(crate) fn http(status: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let head = headers.iter().map(|line| format!("{line}\r\n")).collect::<String>();
    [format!("HTTP/1.1 {status}\r\nconnection: close\r\n{head}\r\n").as_bytes(), body].concat()
}

/// A server below HTTP: one connection per step, each for one request; later connections are reset.
#[derive(Debug, Clone)]
pub(crate) struct RawServer {
    pub(crate) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl RawServer {
    pub(crate) async fn new(steps: impl IntoIterator<Item = Raw>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self { address: listener.local_addr().unwrap(), heads: Arc::default() };
        let mut steps: VecDeque<_> = steps.into_iter().collect();
        let heads = Arc::clone(&server.heads);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let step = steps.pop_front().unwrap_or(Raw::Reset);
                tokio::spawn(follow(step, stream, Arc::clone(&heads)));
            }
        });
        server
    }

    /// The heads of the requests, in lower case.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// A header of each request.
    pub(crate) fn header(&self, name: &str) -> Vec<Option<String>> {
        let find = |head: &String| {
            head.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(": ")?.to_owned()))
        };
        self.heads().iter().map(find).collect()
    }

    pub(crate) fn client(&self) -> BatchClient {
        client(self.address)
    }
}

async fn follow(step: Raw, mut stream: TcpStream, heads: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    heads.lock().unwrap().push(head);
    if !matches!(step, Raw::Early(_)) {
        let mut body = vec![0; length.unwrap_or(0)];
        stream.read_exact(&mut body).await.unwrap();
    }
    match step {
        Raw::Reset => stream.set_zero_linger().unwrap(),
        Raw::Write(bytes) | Raw::Early(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Raw::Stall(bytes) => {
            let _ = stream.write_all(&bytes).await;
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
    }
}

/// Options that make tests quick.
pub(crate) fn options() -> BatchClientOptions {
    BatchClientOptions {
        retry: RetryOptions {
            max_attempts: 3,
            initial: Duration::from_millis(2),
            max_delay: Duration::from_secs(2),
        },
        read_timeout: Duration::from_secs(5),
        call_timeout: Duration::from_secs(5),
        ..BatchClientOptions::default()
    }
}

pub(crate) fn client(address: SocketAddr) -> BatchClient {
    client_with(address, options())
}

pub(crate) fn client_with(address: SocketAddr, options: BatchClientOptions) -> BatchClient {
    BatchClient::new(&format!("http://{address}"), Credential::ApiKey(KEY.into()), options).unwrap()
}

/// An address that nobody listens on.
pub(crate) async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// A batch as the service tells it.
pub(crate) fn batch(id: &str, status: &str) -> String {
    format!(r#"{{"id":"{id}","object":"batch","status":"{status}"}}"#)
}

/// A file as the service tells it.
pub(crate) fn file(id: &str) -> String {
    format!(r#"{{"id":"{id}","object":"file","status":"processed"}}"#)
}
