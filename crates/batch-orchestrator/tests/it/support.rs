//! A lake, a ledger, an emulator, and a pipeline over them that can be started again and again.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use adls_io::{Condition, DataLake, DataLakeExt, LakePath, ListMode, Location, MemoryLake};
use aoai_batch_client::{BatchApi, BatchClient, BatchClientOptions, Credential};
use aoai_emulator::{BatchConfig, Emulator, EmulatorConfig, FileConfig};
use batch_orchestrator::{
    CostOptions, Event, LakeOptions, LimitOptions, Observer, OutputOptions, Pipeline, PipelineOptions,
    RunOptions, RunReport, ServiceOptions, Stop, Transfer,
    ledger::{JobQuery, JobView, Ledger, MemoryLedger, WorkerId},
    machine::{AttemptOptions, RetryOptions},
    model::Timestamp,
};
use bytes::Bytes;
use futures::StreamExt;

use crate::lake_service::{LakeService, MemUrls, SECRET};

/// How lines get to the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Upload,
    Import,
    Blob,
}

pub(crate) const KEY: &str = "test-key";

pub(crate) struct World {
    pub(crate) lake: Arc<dyn DataLake>,
    clock: MemoryLake,
    pub(crate) ledger: Arc<MemoryLedger>,
    pub(crate) emulator: Emulator,
    pub(crate) options: PipelineOptions,
    /// The service with hands in the lake.
    pub(crate) service: LakeService,
}

/// An emulator that is done in a few milliseconds.
pub(crate) fn fast() -> EmulatorConfig {
    let ms = Duration::from_millis;
    EmulatorConfig {
        api_key: Some(KEY.into()),
        files: FileConfig { processing: ms(0), ..FileConfig::default() },
        batches: BatchConfig {
            validating: ms(5),
            in_progress: ms(10),
            finalizing: ms(5),
            cancelling: ms(5),
            ..BatchConfig::default()
        },
        ..EmulatorConfig::default()
    }
}

pub(crate) fn at(filesystem: &str, path: &str) -> Location {
    Location::new(filesystem, LakePath::parse(path).unwrap())
}

pub(crate) fn now() -> Timestamp {
    let since = std::time::UNIX_EPOCH;
    #[expect(clippy::disallowed_methods, reason = "the clock of the test's ledger")]
    let now = std::time::SystemTime::now().duration_since(since).unwrap();
    Timestamp(i64::try_from(now.as_millis()).unwrap())
}

pub(crate) fn options() -> PipelineOptions {
    PipelineOptions {
        lake: LakeOptions {
            account: "test".into(),
            input: at("input", "inbox"),
            processed: at("processed", ""),
            error: at("error", ""),
            include: vec!["**/*.jsonl".into()],
            recursive: true,
        },
        service: ServiceOptions { name: "emulator".into(), ..ServiceOptions::default() },
        run: RunOptions {
            settle_time: Duration::ZERO,
            poll_interval: Duration::from_millis(20),
            scan_interval: Duration::from_millis(50),
            list_settle: Duration::from_millis(40),
            ..RunOptions::default()
        },
        limits: LimitOptions::default(),
        output: OutputOptions::default(),
        retry: RetryOptions {
            initial: Duration::from_millis(5),
            max_delay: Duration::from_millis(40),
            give_up_after: Duration::from_secs(5),
        },
        attempts: AttemptOptions { delay: Duration::from_millis(10), ..AttemptOptions::default() },
        cost: CostOptions::default(),
    }
}

impl World {
    pub(crate) async fn new(config: EmulatorConfig) -> Self {
        let memory = MemoryLake::new();
        for filesystem in ["input", "processed", "error"] {
            memory.ensure_filesystem(filesystem).await.unwrap();
        }
        let lake: Arc<dyn DataLake> = Arc::new(memory.clone());
        let emulator = Emulator::start(config).await.unwrap();
        let key = Credential::ApiKey(KEY.to_owned().into());
        let client = BatchClient::new(emulator.url(), key, BatchClientOptions::default()).unwrap();
        Self {
            service: LakeService::new(Arc::new(client), lake.clone()),
            lake,
            clock: memory,
            ledger: Arc::new(MemoryLedger::new("ledger-1", Arc::new(now))),
            emulator,
            options: options(),
        }
    }

    pub(crate) async fn in_mode(mode: Mode, config: EmulatorConfig) -> Self {
        let mut world = Self::new(config).await;
        world.set_mode(mode);
        world
    }

    pub(crate) fn set_mode(&mut self, mode: Mode) {
        self.options.service.transfer = match mode {
            Mode::Upload => Transfer::Upload,
            Mode::Import => Transfer::Import { urls: Arc::new(MemUrls) },
            Mode::Blob => Transfer::Blob { urls: Arc::new(MemUrls) },
        };
    }

    pub(crate) fn client(&self) -> Arc<dyn BatchApi> {
        Arc::new(self.service.clone())
    }

    pub(crate) async fn put(&self, path: &str, text: impl Into<Bytes>) {
        self.clock.set_now_ms(now().0);
        self.lake.write_all(&at("input", path), text.into(), Condition::Always).await.unwrap();
    }

    pub(crate) fn pipeline(&self) -> Pipeline {
        self.pipeline_over(self.lake.clone(), self.client(), self.ledger.clone())
    }

    pub(crate) fn pipeline_over(
        &self,
        lake: Arc<dyn DataLake>,
        service: Arc<dyn BatchApi>,
        ledger: Arc<dyn Ledger>,
    ) -> Pipeline {
        Pipeline::new(lake, service, None, ledger, WorkerId("w".into()), self.options.clone())
    }

    /// One pass that must end by itself.
    pub(crate) async fn run(&self) -> RunReport {
        let (_ask, stop) = Stop::new();
        let run = self.pipeline();
        match tokio::time::timeout(Duration::from_secs(60), run.run(Arc::new(()), stop)).await {
            Ok(report) => report.unwrap(),
            Err(_) => panic!("the run hangs: {:#?}", self.jobs().await),
        }
    }

    /// One pass, and the messages of all problems on the way.
    pub(crate) async fn run_with_problems(&self) -> (RunReport, Vec<String>) {
        let (_ask, stop) = Stop::new();
        let problems = Arc::new(Problems::default());
        let report = self.pipeline().run(problems.clone(), stop).await.unwrap();
        let problems = problems.0.lock().unwrap().clone();
        assert!(!format!("{problems:?}").contains(SECRET), "{problems:?}");
        (report, problems)
    }

    pub(crate) async fn jobs(&self) -> Vec<JobView> {
        self.ledger.view(&JobQuery::default()).await.unwrap()
    }

    /// All files of a filesystem but our own, by path.
    pub(crate) async fn files(&self, filesystem: &str) -> BTreeMap<String, Bytes> {
        let mut files = BTreeMap::new();
        let mut entries = self.lake.list(&at(filesystem, ""), ListMode::Recursive);
        while let Some(entry) = entries.next().await {
            let entry = entry.unwrap();
            if entry.kind == adls_io::EntryKind::File {
                let bytes = self.lake.read_all(&entry.location, u64::MAX).await.unwrap();
                files.insert(entry.location.path.to_string(), bytes);
            }
        }
        files
    }

    /// The one file whose name ends so; the time stamp is none of the test's business.
    pub(crate) async fn file(&self, filesystem: &str, ending: &str) -> String {
        let files = self.files(filesystem).await;
        let mut found = files.iter().filter(|(path, _)| path.ends_with(ending));
        let (_, bytes) = found.next().unwrap_or_else(|| panic!("no {ending} in {:?}", files.keys()));
        assert!(found.next().is_none(), "several {ending} in {:?}", files.keys());
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    /// Nothing of ours is left: no service file, no work directory, no claim, nothing paid twice.
    pub(crate) async fn assert_clean(&self) {
        let snapshot = self.emulator.control().snapshot().await;
        assert_eq!(snapshot.files, [], "service files are left");
        let left: Vec<_> =
            self.files("processed").await.into_keys().filter(|p| p.starts_with("_aoai-batch")).collect();
        assert_eq!(left, Vec::<String>::new(), "our own files are left");
        let books = self.emulator.control().books().await;
        assert_eq!(books.paid_twice, []);
        self.assert_no_secret().await;
    }

    /// Neither ledger nor lake shows what only the service may see.
    pub(crate) async fn assert_no_secret(&self) {
        assert!(!format!("{:?}", self.jobs().await).contains(SECRET));
        assert!(!format!("{:?}", self.options).contains(SECRET));
        for filesystem in ["processed", "error"] {
            for (path, bytes) in self.files(filesystem).await {
                assert!(!String::from_utf8_lossy(&bytes).contains(SECRET), "{path}");
            }
        }
    }
}

#[derive(Default)]
pub(crate) struct Problems(pub(crate) Mutex<Vec<String>>);

impl Observer for Problems {
    fn event(&self, event: &Event<'_>) {
        if let Event::Problem { path, problem, .. } = event {
            let hint = problem.hint.as_deref().unwrap_or_default();
            self.0.lock().unwrap().push(format!("{path}: {} ({hint})", problem.message));
        }
    }
}

/// A request line.
pub(crate) fn line(id: &str) -> String {
    line_with(id, "gpt-4o-mini-batch")
}

pub(crate) fn line_with(id: &str, model: &str) -> String {
    format!(
        r#"{{"custom_id":"{id}","method":"POST","url":"/chat/completions","body":{{"model":"{model}","messages":[{{"role":"user","content":"question {id}"}}]}}}}"#
    ) + "\n"
}

/// A file of request lines `PREFIX-0000`, `PREFIX-0001`, …
pub(crate) fn lines(prefix: &str, count: usize) -> String {
    (0..count).map(|n| line(&format!("{prefix}-{n:04}"))).collect()
}

/// The `custom_id`s of result lines.
pub(crate) fn ids(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["custom_id"].as_str().unwrap().to_owned()
        })
        .collect()
}

pub(crate) fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}
