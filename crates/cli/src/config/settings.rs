//! What the configuration means: validated, typed, no strings left to interpret.

use std::path::PathBuf;

use aoai_batch_client::BatchClientOptions;
use batch_orchestrator::PipelineOptions;
use token_estimator::EstimatorOptions;

/// Everything that a command may need.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Where it came from.
    pub(crate) source: PathBuf,
    /// The service.
    pub(crate) service: Service,
    /// The lake.
    pub(crate) lake: LakeKind,
    /// Whether to count tokens.
    pub(crate) count_tokens: bool,
    /// How to count them.
    pub(crate) estimator: EstimatorOptions,
    /// The ledger's file.
    pub(crate) ledger: PathBuf,
    /// The pipeline itself.
    pub(crate) pipeline: PipelineOptions,
    /// What deserves a word but is no error.
    pub(crate) warnings: Vec<String>,
}

/// Where batches are submitted.
#[derive(Debug)]
pub(crate) enum Service {
    /// In this process.
    Emulator(Box<aoai_emulator::EmulatorConfig>),
    /// Over HTTP.
    Remote(Box<Remote>),
}

/// A service over HTTP.
#[derive(Debug)]
pub(crate) struct Remote {
    /// Base URL.
    pub(crate) endpoint: String,
    /// Who we are.
    pub(crate) auth: Auth,
    /// Everything else.
    pub(crate) options: BatchClientOptions,
    /// PEM file with a further root certificate.
    pub(crate) ca_file: Option<PathBuf>,
}

/// Who we are for the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Auth {
    /// A key in this environment variable.
    KeyVariable(String),
    /// A key that stood in the accelerator's JSON.
    Key(Secret),
    /// The managed identity of this machine; a user-assigned one by its client id.
    ManagedIdentity { client_id: Option<String>, scope: String },
    /// A federated token of the cluster.
    WorkloadIdentity { client_id: Option<String>, tenant_id: Option<String>, scope: String },
    /// An application and its secret, which is in this environment variable.
    ClientSecret { tenant_id: String, client_id: String, secret_env: String, scope: String },
    /// Whoever is logged in with `az login`.
    AzureCli { scope: String },
}

/// Text that must not be shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(pub(crate) String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Where files live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LakeKind {
    /// Directories of this machine, by filesystem name.
    Local(Vec<(String, PathBuf)>),
    /// ADLS Gen2.
    Azure {
        /// Such as `account.dfs.core.windows.net`.
        host: String,
    },
}
