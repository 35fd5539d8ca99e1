//! A listener whose connections can be cut from inside a request.
//!
//! Each accepted socket carries a [`KillSwitch`], which the request handler finds in its connect info. Once it is
//! thrown, every read and write of the socket fails, so the server can get no further byte out, and the socket is
//! closed with a TCP reset instead of an orderly end.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use axum::{
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use futures::task::AtomicWaker;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};

/// Cuts one connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct KillSwitch(Arc<Wire>);

#[derive(Debug, Default)]
struct Wire {
    cut: AtomicBool,
    reader: AtomicWaker,
}

impl KillSwitch {
    pub(crate) fn kill(&self) {
        self.0.cut.store(true, Ordering::SeqCst);
        self.0.reader.wake();
    }

    fn check(&self) -> io::Result<()> {
        if self.0.cut.load(Ordering::SeqCst) { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }
}

/// The connection that a request came over: the connect info of every request.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) switch: KillSwitch,
    /// The other end.
    pub(crate) addr: SocketAddr,
    /// Whether it is encrypted.
    pub(crate) tls: bool,
}

impl Connected<IncomingStream<'_, KillableListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, KillableListener>) -> Self {
        Self { switch: stream.io().switch(), addr: *stream.remote_addr(), tls: false }
    }
}

/// Every open connection, so that a shutdown can end the idle ones too.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connections(Arc<Mutex<Vec<Weak<Wire>>>>);

impl Connections {
    fn add(&self, switch: &KillSwitch) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|wire| wire.strong_count() > 0);
        open.push(Arc::downgrade(&switch.0));
    }

    pub(crate) fn kill_all(&self) {
        for wire in self.0.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            if let Some(wire) = wire.upgrade() {
                KillSwitch(wire).kill();
            }
        }
    }
}

#[derive(Debug)]
pub(crate) struct KillableListener {
    inner: TcpListener,
    open: Connections,
}

impl KillableListener {
    pub(crate) fn new(inner: TcpListener, open: Connections) -> Self {
        Self { inner, open }
    }
}

impl Listener for KillableListener {
    type Io = KillableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, addr) = Listener::accept(&mut self.inner).await;
        // Latency of small answers matters here, throughput of the loopback does not.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "set TCP_NODELAY");
        }
        let switch = KillSwitch::default();
        self.open.add(&switch);
        (KillableStream { stream, switch }, addr)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.inner.local_addr()
    }
}

#[derive(Debug)]
pub(crate) struct KillableStream {
    stream: TcpStream,
    switch: KillSwitch,
}

impl KillableStream {
    pub(crate) fn switch(&self) -> KillSwitch {
        self.switch.clone()
    }
}

impl Drop for KillableStream {
    fn drop(&mut self) {
        if self.switch.check().is_err() {
            // Makes the close a reset. If it fails the peer sees an early end instead, which is as bad.
            let _best_effort = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for KillableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.switch.0.reader.register(cx.waker());
        self.switch.check()?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for KillableStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.switch.check()?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.switch.check()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.switch.check()?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.switch.check()?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
