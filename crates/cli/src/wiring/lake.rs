//! The lake, and how the service gets to it.

use std::{path::PathBuf, sync::Arc};

use adls_io::{AzureCredential, AzureLake, AzureLakeOptions, AzureRetry, DataLake, LocalLake, Location};
use azure_core::credentials::Secret;
use batch_orchestrator::{BlobUrls, PipelineOptions, Transfer};

use super::{
    identity::{certificate, credential},
    secret::{secret, secret_from},
};
use crate::{
    config::{LakeAuth, LakeKind, Settings, StorageAccount, TransferKind},
    error::{CliError, CliResult},
};

/// The lake of a configuration.
pub(crate) struct WiredLake {
    pub(crate) lake: Arc<dyn DataLake>,
    /// The same, if it is in a storage account.
    pub(crate) azure: Option<AzureLake>,
}

/// Makes the lake of a configuration; nothing is asked of it yet.
pub(crate) fn lake(settings: &Settings) -> CliResult<WiredLake> {
    match &settings.lake {
        LakeKind::Local(directories) => local(directories),
        LakeKind::Azure(account) => {
            let lake = azure(account)?;
            Ok(WiredLake { lake: Arc::new(lake.clone()), azure: Some(lake) })
        }
    }
}

/// The directories are made but for the input's: that is the user's, and making it would hide a mistyped path.
fn local(directories: &[(String, PathBuf)]) -> CliResult<WiredLake> {
    for (name, directory) in directories {
        if name == "input" && !directory.is_dir() {
            return Err(CliError::unreachable(format!(
                "lake.input is {}, which is not a directory",
                directory.display()
            ))
            .hint("create it, or correct lake.input"));
        }
    }
    Ok(WiredLake { lake: Arc::new(LocalLake::new(directories.to_vec())), azure: None })
}

fn azure(account: &StorageAccount) -> CliResult<AzureLake> {
    let credential = match &account.auth {
        LakeAuth::AccountKey(from) => AzureCredential::AccountKey {
            account: account.name.clone(),
            key: Secret::new(secret_from(from)?.trim().to_owned()),
        },
        LakeAuth::Sas(from) => AzureCredential::Sas(Secret::new(secret_from(from)?)),
        LakeAuth::Identity(identity) => {
            AzureCredential::Token { credential: credential(identity)?, scope: identity.scope.clone() }
        }
    };
    let options = AzureLakeOptions {
        retry: AzureRetry { max_attempts: account.attempts, ..AzureRetry::default() },
        root_certificate: certificate(account.ca_file.as_deref(), "lake.ca_file")?,
        blob_endpoint: account.blob_endpoint.clone(),
        ..AzureLakeOptions::default()
    };
    AzureLake::new(&account.endpoint, credential, options).map_err(|error| {
        CliError::usage(format!("the storage account {} cannot be used", account.name))
            .caused_by(&error)
            .hint("check [lake]: endpoint, auth and the variable that holds the key or the SAS")
    })
}

/// Makes the filesystems of results and errors where they are missing; the input's must be there.
pub(crate) async fn prepare(settings: &Settings, wired: &WiredLake) -> CliResult<()> {
    let failed = |error: &adls_io::Error| CliError::lake(error);
    let lake = &settings.pipeline.lake;
    if let Some(azure) = &wired.azure {
        azure.check(&lake.input.filesystem).await.map_err(|error| failed(&error))?;
    }
    for place in [&lake.processed, &lake.error] {
        wired.lake.ensure_filesystem(&place.filesystem).await.map_err(|error| failed(&error))?;
    }
    Ok(())
}

/// The pipeline's options, with the way to the service that the lake allows.
pub(crate) fn pipeline_options(settings: &Settings, wired: &WiredLake) -> CliResult<PipelineOptions> {
    let mut options = settings.pipeline.clone();
    let urls = |sas: Option<Secret>| -> CliResult<Arc<dyn BlobUrls>> {
        let lake = wired.azure.clone();
        let lake = lake.ok_or_else(|| CliError::usage("this transfer needs a lake on ADLS Gen2"))?;
        Ok(Arc::new(AccountUrls { lake, sas }))
    };
    options.service.transfer = match &settings.transfer {
        TransferKind::Upload => Transfer::Upload,
        TransferKind::Blob => Transfer::Blob { urls: urls(None)? },
        TransferKind::Import { sas_env } => {
            let sas = sas_env.as_ref().map(|name| secret(name, "service.import_sas_env")).transpose()?;
            let sas = sas.map(|sas| Secret::new(sas.trim().trim_start_matches('?').to_owned()));
            Transfer::Import { urls: urls(sas)? }
        }
    };
    Ok(options)
}

/// The addresses of a storage account, as the service is told them.
#[derive(Debug)]
struct AccountUrls {
    lake: AzureLake,
    /// What the service shows to read a file; without it, its own identity must be allowed to.
    sas: Option<Secret>,
}

impl BlobUrls for AccountUrls {
    fn content_url(&self, at: &Location) -> String {
        match &self.sas {
            Some(sas) => format!("{}?{}", self.lake.blob_url(at), sas.secret()),
            None => self.lake.blob_url(at),
        }
    }

    fn blob_url(&self, at: &Location) -> String {
        self.lake.blob_url(at)
    }

    fn locate(&self, url: &str) -> Option<Location> {
        self.lake.locate(url)
    }
}
