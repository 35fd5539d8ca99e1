//! What a pipeline needs to know. Plain values: whoever composes the pipeline resolves and checks them.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use adls_io::Location;
use result_tables::{RequestField, TableFormat};

use crate::{
    cost::Prices,
    machine::{AttemptOptions, RetryOptions},
    model::DeploymentId,
};

/// Everything that a pipeline can be told.
#[derive(Debug, Clone)]
pub struct PipelineOptions {
    /// Where files come from and go to.
    pub lake: LakeOptions,
    /// How batches are submitted.
    pub service: ServiceOptions,
    /// Pace and width.
    pub run: RunOptions,
    /// What a file may be.
    pub limits: LimitOptions,
    /// How results are written.
    pub output: OutputOptions,
    /// How failures are met.
    pub retry: RetryOptions,
    /// How lines without a result are met.
    pub attempts: AttemptOptions,
    /// What may be spent.
    pub cost: CostOptions,
}

/// What may be spent. Where a price is not known, nothing is counted.
#[derive(Debug, Clone, Copy)]
pub struct CostOptions {
    /// On one day (UTC), in billionths of a dollar.
    pub max_per_day: Option<u64>,
    /// From the start of this run on, in billionths of a dollar.
    pub max_per_run: Option<u64>,
    /// Tokens that a request is taken to be answered with where it sets no limit. A guess: tell it what your answers are like.
    pub assumed_output: u64,
}

impl Default for CostOptions {
    fn default() -> Self {
        Self { max_per_day: None, max_per_run: None, assumed_output: 500 }
    }
}

/// Where files come from and go to.
#[derive(Debug, Clone)]
pub struct LakeOptions {
    /// Names the lake in job keys: the account's host, or anything stable for a local lake.
    pub account: String,
    /// The input directory.
    pub input: Location,
    /// The directory for results.
    pub processed: Location,
    /// The directory for errors.
    pub error: Location,
    /// Globs below the input directory, such as `**/*.jsonl`; `*` does not cross a `/`.
    pub include: Vec<String>,
    /// Whether directories below the input directory are searched.
    pub recursive: bool,
}

/// How batches are submitted.
#[derive(Debug, Clone)]
pub struct ServiceOptions {
    /// Names the service among all workers of a ledger: one of them at a time polls it. The endpoint's host will do.
    pub name: String,
    /// What the lines must name as `model`; `None`: anything, as long as it is one.
    pub deployment: Option<String>,
    /// Rewrites every line's `model` to `deployment` on the way.
    pub set_model: bool,
    /// How the lines get to the service, and the results back.
    pub transfer: Transfer,
    /// Such as `/chat/completions`; lines must be of the same family.
    pub batch_endpoint: String,
    /// `24h`.
    pub completion_window: String,
    /// Lets the service delete uploaded files by itself, as a net below our own clean-up.
    pub file_expires_after: Option<Duration>,
    /// Sends again what the service has forgotten. Only for a service that bills nothing and forgets everything when
    /// it ends, such as an embedded emulator; otherwise a forgotten batch is for a person to look at.
    pub resubmit_forgotten: bool,
    /// How many tokens may be enqueued at the deployment at once. `None`: as many as it takes, until it refuses one or tells
    /// its limit.
    pub enqueued_tokens: Option<u64>,
    /// The deployment's share, beside those of the others in the pool.
    pub weight: f64,
    /// What its tokens cost, where that is known.
    pub prices: Option<Prices>,
}

impl ServiceOptions {
    /// What the deployment is called in the ledger.
    #[must_use]
    pub fn id(&self) -> DeploymentId {
        DeploymentId::new(&self.name, self.deployment.as_deref())
    }
}

impl Default for ServiceOptions {
    fn default() -> Self {
        Self {
            name: String::new(),
            deployment: None,
            set_model: false,
            transfer: Transfer::default(),
            batch_endpoint: "/chat/completions".into(),
            completion_window: "24h".into(),
            file_expires_after: None,
            resubmit_forgotten: false,
            enqueued_tokens: None,
            weight: 1.0,
            prices: None,
        }
    }
}

/// How the lines get to the service, and the results back.
#[derive(Clone, Default)]
pub enum Transfer {
    /// The bytes pass through here, both ways.
    #[default]
    Upload,
    /// The service fetches the input from the lake into a file of its own; the results pass through here.
    Import {
        /// The lake's URLs.
        urls: Arc<dyn BlobUrls>,
    },
    /// The service reads the input from the lake and writes the results there, with its own identity.
    Blob {
        /// The lake's URLs.
        urls: Arc<dyn BlobUrls>,
    },
}

impl Transfer {
    /// The lake's URLs, where the service uses them.
    #[must_use]
    pub fn urls(&self) -> Option<&Arc<dyn BlobUrls>> {
        match self {
            Self::Upload => None,
            Self::Import { urls } | Self::Blob { urls } => Some(urls),
        }
    }
}

/// Names the mode only: the URLs may hold a secret.
impl fmt::Debug for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upload => "Upload",
            Self::Import { .. } => "Import",
            Self::Blob { .. } => "Blob",
        })
    }
}

/// What the files of the lake are called as blobs.
pub trait BlobUrls: Send + Sync + fmt::Debug {
    /// The URL at which the service can `GET` a file, with a SAS where one is configured. **Secret**: it goes into
    /// the request and nowhere else.
    fn content_url(&self, at: &Location) -> String;

    /// The URL of a file or directory, without any secret.
    fn blob_url(&self, at: &Location) -> String;

    /// What a URL names; `None` if it is outside this account. The URL is untrusted; its query is ignored.
    fn locate(&self, url: &str) -> Option<Location>;
}

/// Pace and width.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Whether to go on for ever.
    pub watch: bool,
    /// How often to list the input directory (watch).
    pub scan_interval: Duration,
    /// How often to list the batches.
    pub poll_interval: Duration,
    /// An input must be unchanged for this long before it is taken.
    pub settle_time: Duration,
    /// How long the service's lists may lag after an uncertain submission.
    pub list_settle: Duration,
    /// Parts that may be at the service at once.
    pub max_in_flight: usize,
    /// Files worked on at once (validation, transfer).
    pub concurrency: usize,
    /// How long a claim holds without a heartbeat.
    pub lease: Duration,
    /// A part that has waited for room for so long is not overtaken by smaller ones any more.
    pub patience: Duration,
    /// A part that has waited for so long goes to another deployment of the pool, if that has room.
    pub move_after: Duration,
    /// How long after a file was discovered its results are due: deployments that are too slow for that come last, and what is
    /// not done by then is cancelled and reported.
    pub deadline: Option<Duration>,
    /// A batch that makes no progress for so long is cancelled, and what it had left is sent again; `None`: never.
    pub stall_after: Option<Duration>,
    /// How long the ledger keeps finished jobs; `None`: for ever.
    pub keep: Option<Duration>,
    /// The id of a ledger that is lost for good, or was given up: its work is taken over. It must not be in use any more.
    pub adopt_ledger: Option<String>,
    /// Makes the jitter the same in every run with the same number; for simulations.
    pub seed: Option<u64>,
    /// Where results are spooled while they are put in order; the system's temporary directory if `None`.
    pub spool_dir: Option<PathBuf>,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            watch: false,
            scan_interval: Duration::from_mins(1),
            poll_interval: Duration::from_mins(1),
            settle_time: Duration::from_secs(30),
            list_settle: Duration::from_mins(5),
            max_in_flight: 10,
            concurrency: 4,
            lease: Duration::from_secs(90),
            patience: Duration::from_mins(30),
            move_after: Duration::from_mins(15),
            deadline: None,
            stall_after: None,
            keep: None,
            adopt_ledger: None,
            seed: None,
            spool_dir: None,
        }
    }
}

/// What a file may be.
#[derive(Debug, Clone)]
pub struct LimitOptions {
    /// The longest line. The service publishes no such limit: this one is ours and bounds memory.
    pub max_line_bytes: u64,
    /// The largest input file of a batch. The service documents 200 MB.
    pub max_file_bytes: u64,
    /// The most lines of a batch. The service documents 100,000.
    pub max_lines: u64,
    /// Whether a larger file is sent in several parts; otherwise it is refused.
    pub split: bool,
    /// The most tokens of a part, as the service is expected to count them against the enqueued-token quota. Only
    /// with `split`, and only where tokens are counted. A line that has more is a part of its own.
    pub max_part_tokens: Option<u64>,
    /// The most tokens of a line: what is above the deployment's whole quota can never be admitted. Only where tokens
    /// are counted.
    pub max_line_tokens: Option<u64>,
    /// Whether small files are sent together; `None`: each file is a batch of its own.
    pub merge: Option<MergeOptions>,
}

/// Which files are sent together: batches are limited in number, and each takes its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MergeOptions {
    /// The largest file that is merged with others, in bytes on the way to the service.
    pub below: u64,
    /// How long a small file waits for others after it was planned.
    pub wait: Duration,
}

impl Default for MergeOptions {
    fn default() -> Self {
        Self { below: 4 << 20, wait: Duration::from_secs(10) }
    }
}

impl Default for LimitOptions {
    fn default() -> Self {
        Self {
            max_line_bytes: 8 << 20,
            max_file_bytes: 200 << 20,
            max_lines: 100_000,
            split: true,
            max_part_tokens: None,
            max_line_tokens: None,
            merge: None,
        }
    }
}

/// How results are written.
#[derive(Debug, Clone, Default)]
pub struct OutputOptions {
    /// The order of the output lines.
    pub order: OutputOrder,
    /// Tables that are written beside the result lines.
    pub formats: Vec<TableFormat>,
    /// Fields of the requests that the tables have as columns; only with results in the order of the input.
    pub request_fields: Vec<RequestField>,
    /// Whether answers are held against the JSON schemas that their requests asked for; only in the order of the input. Those that
    /// do not conform stay in the output, and their requests are collected in `<stem>_nonconforming`.
    pub check_schemas: bool,
}

/// The order of the output lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OutputOrder {
    /// As in the input.
    #[default]
    Input,
    /// As the service gave them.
    Service,
}
