//! The composition: the only place that names concrete backends.

use std::{path::PathBuf, sync::Arc};

use adls_io::{DataLake, LocalLake};
use aoai_batch_client::{BatchApi, BatchClient, BatchClientOptions, Credential};
use aoai_emulator::Emulator;
use azure_core::credentials::{Secret, TokenCredential};
use azure_identity::{
    AzureCliCredential, ClientSecretCredential, ManagedIdentityCredential, ManagedIdentityCredentialOptions,
    UserAssignedId, WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use batch_ledger::{SqliteLedger, SqliteOptions};
use token_estimator::{TiktokenEstimator, TokenEstimator};

use crate::{
    config::{Auth, LakeKind, Service, Settings, variable},
    error::{CliError, CliResult},
};

/// The service, and the emulator that must live as long as it is used.
pub(crate) struct WiredService {
    pub(crate) api: Arc<dyn BatchApi>,
    pub(crate) emulator: Option<Emulator>,
}

/// The lake of a configuration; its directories are created.
pub(crate) async fn lake(settings: &Settings) -> CliResult<Arc<dyn DataLake>> {
    let directories = match &settings.lake {
        LakeKind::Local(directories) => directories,
        LakeKind::Azure { host } => {
            return Err(CliError::usage(format!(
                "the lake {host} is on ADLS Gen2, which this version cannot read yet"
            ))
            .hint(
                "use local directories (\"file:./inbox\"), for instance on a mounted share, until it can",
            ));
        }
    };
    // The input directory is the user's: creating it would hide a mistyped path. The others are ours to fill.
    let lake = LocalLake::new(directories.clone());
    for (name, directory) in directories {
        if name == "input" && !directory.is_dir() {
            return Err(CliError::unreachable(format!(
                "lake.input is {}, which is not a directory",
                directory.display()
            ))
            .hint("create it, or correct lake.input"));
        }
        lake.ensure_filesystem(name)
            .await
            .map_err(|error| CliError::unreachable("the lake cannot be used").caused_by(&error))?;
    }
    Ok(Arc::new(lake))
}

/// The service of a configuration.
pub(crate) async fn service(settings: &Settings) -> CliResult<WiredService> {
    match &settings.service {
        Service::Emulator(config) => {
            let emulator = Emulator::start((**config).clone())
                .await
                .map_err(|error| CliError::usage("the built-in emulator cannot start").caused_by(&error))?;
            let key = config.api_key.as_ref().map_or("emulator", |key| key.expose()).to_owned();
            let credential = Credential::ApiKey(key.into());
            let api = client(emulator.url(), credential, BatchClientOptions::default())?;
            Ok(WiredService { api, emulator: Some(emulator) })
        }
        Service::Remote(remote) => {
            let mut options = remote.options.clone();
            if let Some(file) = &remote.ca_file {
                let pem = std::fs::read(file).map_err(|error| {
                    CliError::usage(format!("service.ca_file {} cannot be read", file.display()))
                        .caused_by(&error)
                })?;
                options.root_certificate = Some(pem);
            }
            Ok(WiredService {
                api: client(&remote.endpoint, credential(&remote.auth)?, options)?,
                emulator: None,
            })
        }
    }
}

fn client(
    endpoint: &str,
    credential: Credential,
    options: BatchClientOptions,
) -> CliResult<Arc<dyn BatchApi>> {
    let client = BatchClient::new(endpoint, credential, options)
        .map_err(|error| CliError::usage("service.endpoint cannot be used").caused_by(&error))?;
    Ok(Arc::new(client))
}

fn credential(auth: &Auth) -> CliResult<Credential> {
    let (credential, scope): (Arc<dyn TokenCredential>, &str) = match auth {
        Auth::KeyVariable(name) => return Ok(Credential::ApiKey(secret(name, "service.key_env")?.into())),
        Auth::Key(key) => return Ok(Credential::ApiKey(key.0.clone().into())),
        Auth::ManagedIdentity { client_id, scope } => {
            let options = ManagedIdentityCredentialOptions {
                user_assigned_id: client_id.clone().map(UserAssignedId::ClientId),
                ..Default::default()
            };
            (ManagedIdentityCredential::new(Some(options)).map_err(|e| identity(&e))?, scope)
        }
        Auth::WorkloadIdentity { client_id, tenant_id, scope } => {
            let options = WorkloadIdentityCredentialOptions {
                client_id: client_id.clone(),
                tenant_id: tenant_id.clone(),
                ..Default::default()
            };
            (WorkloadIdentityCredential::new(Some(options)).map_err(|e| identity(&e))?, scope)
        }
        Auth::ClientSecret { tenant_id, client_id, secret_env, scope } => {
            let secret = Secret::new(secret(secret_env, "service.client_secret_env")?);
            let credential = ClientSecretCredential::new(tenant_id, client_id.clone(), secret, None);
            (credential.map_err(|e| identity(&e))?, scope)
        }
        Auth::AzureCli { scope } => (AzureCliCredential::new(None).map_err(|e| identity(&e))?, scope),
    };
    Ok(Credential::Token { credential, scope: scope.to_owned() })
}

/// A secret from the variable that a key of the configuration names.
pub(crate) fn secret(name: &str, key: &str) -> CliResult<String> {
    variable(name).ok_or_else(|| {
        CliError::usage(format!("the environment variable {name}, which {key} names, is not set"))
            .hint(format!("export {name}=… before the run; secrets are never written into the configuration"))
    })
}

fn identity(error: &azure_core::Error) -> CliError {
    CliError::usage("the identity of service.auth cannot be used").caused_by(error)
}

/// The estimator of a configuration, if tokens are counted.
pub(crate) fn estimator(settings: &Settings) -> Option<Arc<dyn TokenEstimator>> {
    settings
        .count_tokens
        .then(|| Arc::new(TiktokenEstimator::new(settings.estimator.clone())) as Arc<dyn TokenEstimator>)
}

/// The ledger of a configuration.
pub(crate) async fn ledger(path: PathBuf, read_only: bool) -> CliResult<Arc<SqliteLedger>> {
    Ok(Arc::new(SqliteLedger::open(&SqliteOptions { path, read_only }).await?))
}
