//! Start and end of a server.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    Control, EmulatorError, Result,
    config::{EmulatorConfig, TlsConfig},
    server::{Certificates, Connections, KillableListener, TlsListener, serve},
    state::{Shared, State},
};

/// A running server on 127.0.0.1.
///
/// It serves until [`Emulator::shutdown`], or until it is dropped. All it knew is gone then.
#[derive(Debug)]
pub struct Emulator {
    addr: SocketAddr,
    state: Shared,
    ca_file: Option<PathBuf>,
    open: Connections,
    serving: Vec<JoinHandle<()>>,
}

impl Emulator {
    /// Binds the port, or both ports where TLS is configured, and starts to serve.
    ///
    /// # Errors
    /// A port is taken, the data directory or the certificate's file cannot be written, or the configuration makes no
    /// sense.
    pub async fn start(config: EmulatorConfig) -> Result<Self> {
        let (listener, addr) = bind(config.port).await?;
        let tls = match config.tls.clone() {
            Some(tls) => {
                let (listener, addr) = bind(tls.port).await?;
                Some((tls, listener, addr))
            }
            None => None,
        };
        let tls_url = tls.as_ref().map(|(_, _, addr)| format!("https://{addr}"));
        let state = Arc::new(State::new(config, format!("http://{addr}"), tls_url)?);
        let open = Connections::default();
        let mut ca_file = None;
        let mut serving = Vec::new();
        if let Some((tls, listener, addr)) = tls {
            let certificates = Certificates::generate()?;
            ca_file = Some(write_ca(&tls, &state, &certificates.ca_pem)?);
            let listener =
                TlsListener::new(KillableListener::new(listener, open.clone()), certificates.server)
                    .map_err(|source| EmulatorError::Bind { port: addr.port(), source })?;
            serving.push(tokio::spawn(serve(listener, state.clone())));
        }
        serving.push(tokio::spawn(serve(KillableListener::new(listener, open.clone()), state.clone())));
        Ok(Self { addr, state, ca_file, open, serving })
    }

    /// The address it listens on without TLS.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.state.url
    }

    /// `https://127.0.0.1:PORT` where TLS is configured, without a slash at the end.
    pub fn tls_url(&self) -> Option<&str> {
        self.state.tls_url.as_deref()
    }

    /// The certificate, in PEM, that a client has to trust to use [`Emulator::tls_url`].
    pub fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// A handle to look inside and to steer; usable from any task.
    pub fn control(&self) -> Control {
        Control::new(self.state.clone())
    }

    /// Stops serving, cuts what is open, and removes the bodies.
    pub async fn shutdown(mut self) {
        self.stop();
        for serving in self.serving.drain(..) {
            // Aborted on purpose, so its result says nothing.
            let _aborted = serving.await;
        }
    }

    fn stop(&self) {
        self.serving.iter().for_each(JoinHandle::abort);
        self.open.kill_all();
        self.state.stop_tasks();
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn bind(port: u16) -> Result<(TcpListener, SocketAddr)> {
    let failed = |source| EmulatorError::Bind { port, source };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
    let addr = listener.local_addr().map_err(failed)?;
    Ok((listener, addr))
}

fn write_ca(config: &TlsConfig, state: &State, pem: &str) -> Result<PathBuf> {
    let path = config.ca_file.clone().unwrap_or_else(|| state.body_dir().join("ca.pem"));
    match std::fs::write(&path, pem) {
        Ok(()) => Ok(path),
        Err(source) => Err(EmulatorError::CaFile { path, source }),
    }
}
