//! Entra identities, as the configuration chose them.

use std::{path::Path, sync::Arc};

use azure_core::{
    credentials::{Secret, TokenCredential},
    http::{ClientOptions, Transport},
};
use azure_identity::{
    AzureCliCredential, ClientAssertionCredentialOptions, ClientSecretCredential,
    ClientSecretCredentialOptions, ManagedIdentityCredential, ManagedIdentityCredentialOptions,
    UserAssignedId, WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};

use super::secret::secret;
use crate::{
    config::{Identity, IdentityKind},
    error::{CliError, CliResult},
};

/// The credential of an identity. Nothing is asked of it yet.
pub(super) fn credential(identity: &Identity) -> CliResult<Arc<dyn TokenCredential>> {
    let failed = |error: azure_core::Error| {
        CliError::usage(format!("the identity of {}.auth cannot be used", identity.section))
            .caused_by(&error)
            .hint(hint(&identity.kind))
    };
    let credential: Arc<dyn TokenCredential> = match &identity.kind {
        IdentityKind::Managed { client_id } => {
            let options = ManagedIdentityCredentialOptions {
                user_assigned_id: client_id.clone().map(UserAssignedId::ClientId),
                client_options: client_options(identity)?,
            };
            ManagedIdentityCredential::new(Some(options)).map_err(failed)?
        }
        IdentityKind::Workload { client_id, tenant_id } => {
            let options = WorkloadIdentityCredentialOptions {
                client_id: client_id.clone(),
                tenant_id: tenant_id.clone(),
                credential_options: ClientAssertionCredentialOptions {
                    client_options: client_options(identity)?,
                },
                ..Default::default()
            };
            WorkloadIdentityCredential::new(Some(options)).map_err(failed)?
        }
        IdentityKind::ClientSecret { tenant_id, client_id, secret_env } => {
            let key = format!("{}.client_secret_env", identity.section);
            let secret = Secret::new(secret(secret_env, &key)?);
            let options = ClientSecretCredentialOptions { client_options: client_options(identity)? };
            ClientSecretCredential::new(tenant_id, client_id.clone(), secret, Some(options))
                .map_err(failed)?
        }
        IdentityKind::AzureCli => AzureCliCredential::new(None).map_err(failed)?,
    };
    Ok(credential)
}

fn hint(kind: &IdentityKind) -> &'static str {
    match kind {
        IdentityKind::Managed { .. } => {
            "managed_identity works on Azure machines that have an identity; a user-assigned one needs its client_id"
        }
        IdentityKind::Workload { .. } => {
            "workload_identity needs AZURE_FEDERATED_TOKEN_FILE, AZURE_CLIENT_ID and AZURE_TENANT_ID, which the webhook sets"
        }
        IdentityKind::ClientSecret { .. } => "check tenant_id, client_id and the secret's end date",
        IdentityKind::AzureCli => "run `az login` first",
    }
}

/// The HTTP side of an identity: the default one, unless there is a root certificate to be trusted.
fn client_options(identity: &Identity) -> CliResult<ClientOptions> {
    let key = format!("{}.ca_file", identity.section);
    let Some(pem) = certificate(identity.ca_file.as_deref(), &key)? else {
        return Ok(ClientOptions::default());
    };
    let wrong = |error: reqwest::Error| CliError::usage(format!("{key} is no certificate")).caused_by(&error);
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .add_root_certificate(reqwest::Certificate::from_pem(&pem).map_err(wrong)?)
        .connect_timeout(std::time::Duration::from_secs(20))
        .read_timeout(std::time::Duration::from_mins(1))
        .build()
        .map_err(wrong)?;
    Ok(ClientOptions { transport: Some(Transport::new(Arc::new(http))), ..ClientOptions::default() })
}

/// A PEM file that a key of the configuration names.
pub(super) fn certificate(file: Option<&Path>, key: &str) -> CliResult<Option<Vec<u8>>> {
    let Some(file) = file else { return Ok(None) };
    let read = std::fs::read(file);
    read.map(Some).map_err(|error| {
        CliError::usage(format!("{key} {} cannot be read", file.display()))
            .caused_by(&error)
            .hint("it names a PEM file with a root certificate")
    })
}
