//! What all requests share.

use std::{
    collections::BTreeMap,
    future::Future,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tempfile::TempDir;
use tokio::task::AbortHandle;

use crate::{
    EmulatorError, Result,
    batches::BatchStore,
    clock::Clock,
    config::EmulatorConfig,
    entra::Tokens,
    files::FileStore,
    lake::LakeStore,
    server::{FaultBook, Operation},
};

pub(crate) type Shared = Arc<State>;

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) config: EmulatorConfig,
    pub(crate) url: String,
    pub(crate) tls_url: Option<String>,
    pub(crate) clock: Clock,
    /// The tokens that were issued.
    pub(crate) tokens: Tokens,
    pub(crate) faults: Mutex<FaultBook>,
    /// Fetches imports: never through a proxy, as only loopback is allowed.
    pub(crate) loopback: reqwest::Client,
    /// Talks to the upstream.
    pub(crate) upstream: reqwest::Client,
    files: Mutex<FileStore>,
    batches: Mutex<BatchStore>,
    lake: Mutex<LakeStore>,
    requests: Mutex<BTreeMap<Operation, u64>>,
    tasks: Mutex<Vec<AbortHandle>>,
    bodies: TempDir,
}

impl State {
    pub(crate) fn new(config: EmulatorConfig, url: String, tls_url: Option<String>) -> Result<Self> {
        if !(config.clock.speed.is_finite() && config.clock.speed >= 0.0) {
            return Err(EmulatorError::Config(format!("clock.speed = {}", config.clock.speed)));
        }
        if let Some(problem) = config.lake.problem() {
            return Err(EmulatorError::Config(problem));
        }
        let clock = Clock::new(&config.clock);
        let root = config.data_dir.clone().unwrap_or_else(std::env::temp_dir);
        let bodies = body_dir(&root).map_err(|source| EmulatorError::DataDir { path: root, source })?;
        let client = || reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        let connect = Duration::from_secs(10);
        Ok(Self {
            tokens: Tokens::new(&config.entra, tls_url.as_deref().unwrap_or(&url)),
            url,
            lake: Mutex::new(LakeStore::new(&config.lake, clock.now())),
            tls_url,
            clock,
            faults: Mutex::new(FaultBook::new(config.faults.clone(), config.seed)),
            loopback: client()
                .no_proxy()
                .connect_timeout(connect)
                .build()
                .map_err(EmulatorError::HttpClient)?,
            upstream: client().connect_timeout(connect).build().map_err(EmulatorError::HttpClient)?,
            files: Mutex::default(),
            batches: Mutex::default(),
            requests: Mutex::default(),
            tasks: Mutex::default(),
            bodies,
            config,
        })
    }

    pub(crate) fn files(&self) -> MutexGuard<'_, FileStore> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn batches(&self) -> MutexGuard<'_, BatchStore> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn lake(&self) -> MutexGuard<'_, LakeStore> {
        self.lake.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn body_dir(&self) -> &Path {
        self.bodies.path()
    }

    pub(crate) fn count(&self, operation: Operation) {
        *self.requests.lock().unwrap_or_else(PoisonError::into_inner).entry(operation).or_default() += 1;
    }

    pub(crate) fn requests(&self) -> BTreeMap<Operation, u64> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs `work` beside the requests, at most until the shutdown.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.retain(|task| !task.is_finished());
        tasks.push(tokio::spawn(work).abort_handle());
    }

    pub(crate) fn stop_tasks(&self) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).drain(..).for_each(|task| task.abort());
    }
}

fn body_dir(root: &PathBuf) -> std::io::Result<TempDir> {
    std::fs::create_dir_all(root)?;
    tempfile::Builder::new().prefix("aoai-emulator-").tempdir_in(root)
}
