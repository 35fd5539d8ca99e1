//! The service, or the emulator that stands in for it.

use std::sync::Arc;

use aoai_batch_client::{BatchApi, BatchClient, BatchClientOptions, Credential};
use aoai_emulator::Emulator;
use batch_orchestrator::{ServiceOptions, Transfer};

use super::{
    identity::{certificate, credential},
    secret::secret_from,
};
use crate::{
    config::{Auth, Remote, Service, Settings},
    error::{CliError, CliResult},
};

/// The service, and the emulator that must live as long as it is used.
pub(crate) struct WiredService {
    pub(crate) api: Arc<dyn BatchApi>,
    /// The same, for what only a client can ask.
    pub(crate) client: BatchClient,
    pub(crate) emulator: Option<Emulator>,
}

/// The other deployments of the pool; those at the built-in emulator share the one that `first` has started.
pub(crate) fn others(
    settings: &Settings,
    first: &WiredService,
    transfer: &Transfer,
) -> CliResult<Vec<(Arc<dyn BatchApi>, ServiceOptions)>> {
    let mut others: Vec<(Arc<dyn BatchApi>, ServiceOptions)> = Vec::new();
    for member in &settings.others {
        let api: Arc<dyn BatchApi> = match (&member.service, &first.emulator) {
            (Service::Remote(other), _) => remote(other)?,
            (Service::Emulator(_), Some(_)) => first.api.clone(),
            (Service::Emulator(_), None) => {
                let name = member.name.as_deref().unwrap_or_default();
                return Err(CliError::usage(format!(
                    "pool.{name} is at the built-in emulator, others are not"
                ))
                .hint("name real endpoints only, or \"emulator\" only"));
            }
        };
        others.push((api, ServiceOptions { transfer: transfer.clone(), ..member.options.clone() }));
    }
    Ok(others)
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
            let client = client(emulator.url(), credential, BatchClientOptions::default())?;
            Ok(WiredService { api: Arc::new(client.clone()), client, emulator: Some(emulator) })
        }
        Service::Remote(remote) => {
            let client = remote_client(remote)?;
            Ok(WiredService { api: Arc::new(client.clone()), client, emulator: None })
        }
    }
}

/// A service over HTTP.
pub(crate) fn remote(remote: &Remote) -> CliResult<Arc<dyn BatchApi>> {
    Ok(Arc::new(remote_client(remote)?))
}

fn remote_client(remote: &Remote) -> CliResult<BatchClient> {
    let root_certificate = certificate(remote.ca_file.as_deref(), "service.ca_file")?;
    let options = BatchClientOptions { root_certificate, ..remote.options.clone() };
    client(&remote.endpoint, service_credential(&remote.auth)?, options)
}

fn client(endpoint: &str, credential: Credential, options: BatchClientOptions) -> CliResult<BatchClient> {
    BatchClient::new(endpoint, credential, options)
        .map_err(|error| CliError::usage("service.endpoint cannot be used").caused_by(&error))
}

fn service_credential(auth: &Auth) -> CliResult<Credential> {
    Ok(match auth {
        Auth::Key(from) => Credential::ApiKey(secret_from(from)?.into()),
        Auth::Identity(identity) => {
            Credential::Token { credential: credential(identity)?, scope: identity.scope.clone() }
        }
    })
}
