//! The same listener under TLS.
//!
//! TLS runs on top of the socket that can be cut: a thrown switch cuts it in the middle of a record.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use tokio::{
    sync::mpsc,
    task::{AbortHandle, JoinSet},
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig, server::TlsStream};

use super::{
    KillableListener,
    listener::{KillableStream, Peer},
};

/// How long a client may take for its half of the handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

type Accepted = (TlsStream<KillableStream>, SocketAddr);

/// Hands out connections whose handshake is done; one that stalls holds up nobody else.
#[derive(Debug)]
pub(crate) struct TlsListener {
    addr: SocketAddr,
    accepted: mpsc::Receiver<Accepted>,
    accepting: AbortHandle,
}

impl TlsListener {
    pub(crate) fn new(inner: KillableListener, config: Arc<ServerConfig>) -> io::Result<Self> {
        let addr = inner.local_addr()?;
        let (sender, accepted) = mpsc::channel(16);
        let accepting = tokio::spawn(accept(inner, TlsAcceptor::from(config), sender)).abort_handle();
        Ok(Self { addr, accepted, accepting })
    }
}

impl Drop for TlsListener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Runs until the listener is dropped; the handshakes end with it.
async fn accept(mut inner: KillableListener, acceptor: TlsAcceptor, sender: mpsc::Sender<Accepted>) {
    let mut handshakes = JoinSet::new();
    loop {
        let (stream, addr) = inner.accept().await;
        while handshakes.try_join_next().is_some() {}
        handshakes.spawn(handshake(acceptor.clone(), stream, addr, sender.clone()));
    }
}

async fn handshake(
    acceptor: TlsAcceptor,
    stream: KillableStream,
    addr: SocketAddr,
    sender: mpsc::Sender<Accepted>,
) {
    match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => {
            // If the listener is gone, so is the connection.
            let _gone = sender.send((stream, addr)).await;
        }
        Ok(Err(error)) => tracing::debug!(%addr, %error, "no TLS handshake"),
        Err(_) => tracing::debug!(%addr, "the TLS handshake took too long"),
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<KillableStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.accepted.recv().await {
            Some(accepted) => accepted,
            // The task that accepts ends only with the listener or the runtime.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.addr)
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        Self { switch: stream.io().get_ref().0.switch(), addr: *stream.remote_addr(), tls: true }
    }
}
