//! The configuration file, key by key. `templates/aoai-batch.toml` documents every one of them; a test keeps them
//! together.

use std::{collections::BTreeMap, time::Duration};

use batch_orchestrator::{
    TableFormat,
    cost::{PriceRow, Tier},
    machine::Verdict,
};
use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

macro_rules! section {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty = $default:expr),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(crate) struct $name {
            $($(#[$field_meta])* pub(crate) $field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }
    };
}

/// The whole file.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Raw {
    pub(crate) service: Service,
    pub(crate) pool: BTreeMap<String, PoolMember>,
    pub(crate) lake: Lake,
    pub(crate) run: Run,
    pub(crate) limits: Limits,
    pub(crate) retry: Retry,
    pub(crate) output: Output,
    pub(crate) tokens: Tokens,
    pub(crate) pricing: Pricing,
    pub(crate) ledger: Ledger,
    pub(crate) emulator: aoai_emulator::EmulatorConfig,
}

section!(Service {
    endpoint: String = String::new(),
    api: String = "v1".into(),
    auth: String = "key".into(),
    key_env: String = "AOAI_KEY".into(),
    client_id: Option<String> = None,
    tenant_id: Option<String> = None,
    client_secret_env: String = "AZURE_CLIENT_SECRET".into(),
    scope: String = aoai_batch_client::DEFAULT_SCOPE.into(),
    deployment: Option<String> = None,
    enqueued_tokens: Option<u64> = None,
    set_model: bool = false,
    batch_endpoint: String = "/chat/completions".into(),
    completion_window: String = "24h".into(),
    transfer: String = "upload".into(),
    import_api: String = aoai_batch_client::BatchClientOptions::default().import_api_version,
    import_sas_env: Option<String> = None,
    #[serde(with = "humantime_serde")]
    file_expires_after: Option<Duration> = Some(Duration::from_hours(14 * 24)),
    request_attempts: u32 = 4,
    ca_file: Option<std::path::PathBuf> = None,
});

section!(
    /// A deployment of a pool; what is `None` is as in `[service]`.
    PoolMember {
        endpoint: Option<String> = None,
        deployment: Option<String> = None,
        enqueued_tokens: Option<u64> = None,
        weight: f64 = 1.0,
        model: Option<String> = None,
        api: Option<String> = None,
        auth: Option<String> = None,
        key_env: Option<String> = None,
        client_id: Option<String> = None,
        tenant_id: Option<String> = None,
    }
);

section!(Lake {
    input: String = String::new(),
    processed: String = String::new(),
    error: String = String::new(),
    endpoint: String = String::new(),
    blob_endpoint: String = String::new(),
    auth: String = "azure_cli".into(),
    key_env: String = "AZURE_STORAGE_KEY".into(),
    sas_env: String = "AZURE_STORAGE_SAS".into(),
    client_id: Option<String> = None,
    tenant_id: Option<String> = None,
    client_secret_env: String = "AZURE_CLIENT_SECRET".into(),
    scope: String = adls_io::STORAGE_SCOPE.into(),
    request_attempts: u32 = adls_io::AzureRetry::default().max_attempts,
    ca_file: Option<std::path::PathBuf> = None,
    include: Vec<String> = vec!["**/*.jsonl".into()],
    recursive: bool = true,
});

section!(Run {
    mode: Mode = Mode::Once,
    #[serde(with = "humantime_serde")]
    scan_interval: Duration = Duration::from_mins(1),
    #[serde(with = "humantime_serde")]
    poll_interval: Duration = Duration::from_mins(1),
    #[serde(with = "humantime_serde")]
    settle_time: Duration = Duration::from_secs(30),
    #[serde(with = "humantime_serde")]
    list_settle: Duration = Duration::from_mins(5),
    #[serde(with = "humantime_serde")]
    lease: Duration = Duration::from_secs(90),
    max_in_flight: usize = 10,
    concurrency: usize = 4,
    #[serde(with = "humantime_serde")]
    patience: Duration = Duration::from_mins(30),
    #[serde(with = "humantime_serde")]
    move_after: Duration = Duration::from_mins(15),
    #[serde(with = "humantime_serde")]
    deadline: Option<Duration> = None,
    #[serde(with = "humantime_serde")]
    stall_after: Option<Duration> = None,
    spool_dir: Option<std::path::PathBuf> = None,
});

/// Once or for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    Once,
    Watch,
}

section!(Limits {
    max_line_bytes: ByteSize = ByteSize::mib(8),
    max_file_bytes: ByteSize = ByteSize::mib(200),
    max_lines: u64 = 100_000,
    split: bool = true,
    merge: bool = false,
    merge_below: ByteSize = ByteSize::mib(4),
    #[serde(with = "humantime_serde")]
    merge_wait: Duration = Duration::from_secs(10),
    part_share: f64 = 0.25,
    max_cost_per_day: Option<f64> = None,
});

section!(Retry {
    #[serde(with = "humantime_serde")]
    initial: Duration = Duration::from_secs(1),
    #[serde(with = "humantime_serde")]
    max_delay: Duration = Duration::from_mins(15),
    #[serde(with = "humantime_serde")]
    give_up_after: Duration = Duration::from_hours(1),
    max_attempts: u32 = 3,
    #[serde(with = "humantime_serde")]
    attempt_delay: Duration = Duration::from_mins(1),
    resubmit_cancelled: bool = false,
    unknown: Verdict = Verdict::Quarantine,
    verdicts: BTreeMap<String, Verdict> = BTreeMap::new(),
});

section!(Output {
    order: Order = Order::Input,
    formats: Vec<TableFormat> = Vec::new(),
    request_fields: Vec<String> = Vec::new(),
    check_schemas: bool = false,
});

/// The order of the output lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    Input,
    Service,
}

section!(Tokens {
    count: bool = true,
    deployments: BTreeMap<String, String> = BTreeMap::new(),
    default_model: Option<String> = None,
});

section!(Pricing {
    tier: Tier = Tier::Global,
    assumed_output_tokens: u64 = 500,
    file: Option<std::path::PathBuf> = None,
    models: BTreeMap<String, PriceRow> = BTreeMap::new(),
});

section!(Ledger {
    url: String = "sqlite://.aoai-batch/ledger.db".into(),
    auth: String = "password".into(),
    password_env: Option<String> = None,
    client_id: Option<String> = None,
    tenant_id: Option<String> = None,
    client_secret_env: String = "AZURE_CLIENT_SECRET".into(),
    scope: String = "https://ossrdbms-aad.database.windows.net/.default".into(),
    pgbouncer: bool = false,
    #[serde(with = "humantime_serde")]
    keep: Option<Duration> = None,
});
