//! The service, or the emulator that stands in for it.

use std::sync::Arc;

use aoai_batch_client::{BatchApi, BatchClient, BatchClientOptions, Credential};
use aoai_emulator::Emulator;

use super::{
    identity::{certificate, credential},
    secret::secret_from,
};
use crate::{
    config::{Auth, Service, Settings},
    error::{CliError, CliResult},
};

/// The service, and the emulator that must live as long as it is used.
pub(crate) struct WiredService {
    pub(crate) api: Arc<dyn BatchApi>,
    /// The same, for what only a client can ask.
    pub(crate) client: BatchClient,
    pub(crate) emulator: Option<Emulator>,
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
            let root_certificate = certificate(remote.ca_file.as_deref(), "service.ca_file")?;
            let options = BatchClientOptions { root_certificate, ..remote.options.clone() };
            let client = client(&remote.endpoint, service_credential(&remote.auth)?, options)?;
            Ok(WiredService { api: Arc::new(client.clone()), client, emulator: None })
        }
    }
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
