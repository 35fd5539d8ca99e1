//! Start and end of a server.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    Control, EmulatorError, Result,
    config::EmulatorConfig,
    server::{Connections, KillableListener, serve},
    state::{Shared, State},
};

/// A running server on 127.0.0.1.
///
/// It serves until [`Emulator::shutdown`], or until it is dropped. All it knew is gone then.
#[derive(Debug)]
pub struct Emulator {
    addr: SocketAddr,
    state: Shared,
    open: Connections,
    serving: JoinHandle<()>,
}

impl Emulator {
    /// Binds the port and starts to serve.
    ///
    /// # Errors
    /// The port is taken, the data directory cannot be written, or the configuration makes no sense.
    pub async fn start(config: EmulatorConfig) -> Result<Self> {
        let port = config.port;
        let bind = |source| EmulatorError::Bind { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(bind)?;
        let addr = listener.local_addr().map_err(bind)?;
        let state = Arc::new(State::new(config, format!("http://{addr}"))?);
        let open = Connections::default();
        let serving = tokio::spawn(serve(KillableListener::new(listener, open.clone()), state.clone()));
        Ok(Self { addr, state, open, serving })
    }

    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.state.url
    }

    /// A handle to look inside and to steer; usable from any task.
    pub fn control(&self) -> Control {
        Control::new(self.state.clone())
    }

    /// Stops serving, cuts what is open, and removes the bodies.
    pub async fn shutdown(mut self) {
        self.stop();
        // Aborted on purpose, so its result says nothing.
        let _aborted = (&mut self.serving).await;
    }

    fn stop(&self) {
        self.serving.abort();
        self.open.kill_all();
        self.state.stop_tasks();
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.stop();
    }
}
