//! What the configuration means: validated, typed, no strings left to interpret.

use std::{fmt, path::PathBuf};

use aoai_batch_client::BatchClientOptions;
use batch_orchestrator::{PipelineOptions, ServiceOptions, cost::PriceTable};
use token_estimator::EstimatorOptions;

/// Everything that a command may need.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Where it came from.
    pub(crate) source: PathBuf,
    /// The service; its deployment is that of the pipeline.
    pub(crate) service: Service,
    /// The other deployments of the pool.
    pub(crate) others: Vec<Member>,
    /// The lake.
    pub(crate) lake: LakeKind,
    /// How inputs get to the service.
    pub(crate) transfer: TransferKind,
    /// Whether to count tokens.
    pub(crate) count_tokens: bool,
    /// How to count them.
    pub(crate) estimator: EstimatorOptions,
    /// What tokens cost.
    pub(crate) prices: PriceTable,
    /// Where the ledger is.
    pub(crate) ledger: LedgerKind,
    /// The pipeline itself.
    pub(crate) pipeline: PipelineOptions,
    /// What deserves a word but is no error.
    pub(crate) warnings: Vec<String>,
}

/// A deployment, and how it is reached.
#[derive(Debug)]
pub(crate) struct Member {
    /// What it is called in the pool.
    pub(crate) name: Option<String>,
    /// How it is reached.
    pub(crate) service: Service,
    /// What it is.
    pub(crate) options: ServiceOptions,
}

/// Where the ledger is.
#[derive(Debug)]
pub(crate) enum LedgerKind {
    /// A file of this machine.
    Sqlite(PathBuf),
    /// A database that workers share.
    Postgres(Box<SharedLedger>),
}

/// A ledger on PostgreSQL.
#[derive(Debug)]
pub(crate) struct SharedLedger {
    /// It may hold a password.
    pub(crate) url: Secret,
    /// The same without it, and without anything else that is not an address.
    pub(crate) address: String,
    /// Who we are.
    pub(crate) auth: LedgerAuth,
    /// Whether a pooler in transaction mode stands between.
    pub(crate) pgbouncer: bool,
}

/// Who we are for a shared ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LedgerAuth {
    /// Whatever the URL says.
    InUrl,
    /// A password.
    Password(SecretFrom),
    /// An Entra identity: its token is the password.
    Identity(Identity),
}

impl LedgerKind {
    /// Whether it certainly does not exist yet.
    pub(crate) fn is_absent(&self) -> bool {
        match self {
            Self::Sqlite(path) => !path.exists(),
            Self::Postgres(_) => false,
        }
    }
}

/// Without any secret.
impl fmt::Display for LedgerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Postgres(shared) => f.write_str(&shared.address),
        }
    }
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
    /// A key.
    Key(SecretFrom),
    /// An Entra identity.
    Identity(Identity),
}

/// Who we are for the storage account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LakeAuth {
    /// A key of the account.
    AccountKey(SecretFrom),
    /// A shared access signature.
    Sas(SecretFrom),
    /// An Entra identity.
    Identity(Identity),
}

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SecretFrom {
    /// In an environment variable, which this key of the configuration names.
    Variable { name: String, key: &'static str },
    /// It stood in the accelerator's JSON.
    Text(Secret),
}

/// An Entra identity and what its tokens are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The section of the configuration, for messages.
    pub(crate) section: &'static str,
    pub(crate) kind: IdentityKind,
    pub(crate) scope: String,
    /// PEM file with a further root certificate.
    pub(crate) ca_file: Option<PathBuf>,
}

/// The kinds of identities; chosen, never guessed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum IdentityKind {
    /// The managed identity of this machine; a user-assigned one by its client id.
    Managed { client_id: Option<String> },
    /// A federated token of the cluster.
    Workload { client_id: Option<String>, tenant_id: Option<String> },
    /// An application and its secret, which is in this environment variable.
    ClientSecret { tenant_id: String, client_id: String, secret_env: String },
    /// Whoever is logged in with `az login`.
    AzureCli,
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
    Azure(Box<StorageAccount>),
}

/// An ADLS Gen2 account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StorageAccount {
    /// Its name.
    pub(crate) name: String,
    /// The DFS base URL.
    pub(crate) endpoint: String,
    /// The blob base URL, if it is not derived.
    pub(crate) blob_endpoint: Option<String>,
    /// Who we are.
    pub(crate) auth: LakeAuth,
    /// Tries of a request.
    pub(crate) attempts: u32,
    /// PEM file with a further root certificate.
    pub(crate) ca_file: Option<PathBuf>,
}

/// How inputs get to the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TransferKind {
    /// Through us.
    Upload,
    /// The service fetches them by URL, with this SAS if there is one.
    Import { sas_env: Option<String> },
    /// The service reads them from the storage account and writes its results there.
    Blob,
}
