//! Who we are, for the service and for the storage account: chosen by the configuration, no magic chain.

use std::path::Path;

use super::{
    raw,
    settings::{Auth, Identity, IdentityKind, LakeAuth, LedgerAuth, SecretFrom},
};
use crate::error::{CliError, CliResult};

/// The keys that both sections have.
struct Keys<'a> {
    section: &'static str,
    auth: &'a str,
    client_id: &'a Option<String>,
    tenant_id: &'a Option<String>,
    client_secret_env: &'a str,
    scope: &'a str,
    ca_file: Option<std::path::PathBuf>,
}

/// Who we are for the service.
pub(super) fn service(service: &raw::Service, base: &Path) -> CliResult<Auth> {
    if service.auth == "key" {
        let name = service.key_env.clone();
        return Ok(Auth::Key(SecretFrom::Variable { name, key: "service.key_env" }));
    }
    let keys = Keys {
        section: "service",
        auth: &service.auth,
        client_id: &service.client_id,
        tenant_id: &service.tenant_id,
        client_secret_env: &service.client_secret_env,
        scope: &service.scope,
        ca_file: service.ca_file.as_ref().map(|file| base.join(file)),
    };
    identity(keys, "key").map(Auth::Identity)
}

/// Who we are for the storage account.
pub(super) fn lake(lake: &raw::Lake, base: &Path) -> CliResult<LakeAuth> {
    let variable = |name: &String, key| SecretFrom::Variable { name: name.clone(), key };
    match lake.auth.as_str() {
        "account_key" => return Ok(LakeAuth::AccountKey(variable(&lake.key_env, "lake.key_env"))),
        "sas" => return Ok(LakeAuth::Sas(variable(&lake.sas_env, "lake.sas_env"))),
        _ => {}
    }
    let keys = Keys {
        section: "lake",
        auth: &lake.auth,
        client_id: &lake.client_id,
        tenant_id: &lake.tenant_id,
        client_secret_env: &lake.client_secret_env,
        scope: &lake.scope,
        ca_file: lake.ca_file.as_ref().map(|file| base.join(file)),
    };
    identity(keys, "account_key, sas").map(LakeAuth::Identity)
}

/// Who we are for a shared ledger.
pub(super) fn ledger(ledger: &raw::Ledger) -> CliResult<LedgerAuth> {
    if ledger.auth == "password" {
        return Ok(match &ledger.password_env {
            Some(name) => {
                LedgerAuth::Password(SecretFrom::Variable { name: name.clone(), key: "ledger.password_env" })
            }
            None => LedgerAuth::InUrl,
        });
    }
    let keys = Keys {
        section: "ledger",
        auth: &ledger.auth,
        client_id: &ledger.client_id,
        tenant_id: &ledger.tenant_id,
        client_secret_env: &ledger.client_secret_env,
        scope: &ledger.scope,
        ca_file: None,
    };
    identity(keys, "password").map(LedgerAuth::Identity)
}

fn identity(keys: Keys<'_>, others: &str) -> CliResult<Identity> {
    let required = |name: &str, value: &Option<String>| {
        value.clone().ok_or_else(|| {
            CliError::usage(format!("{0}.auth = \"{1}\" needs {0}.{name}", keys.section, keys.auth))
                .hint(format!("add {name} = \"…\" to [{}]", keys.section))
        })
    };
    let kind = match keys.auth {
        "managed_identity" => IdentityKind::Managed { client_id: keys.client_id.clone() },
        "workload_identity" => {
            IdentityKind::Workload { client_id: keys.client_id.clone(), tenant_id: keys.tenant_id.clone() }
        }
        "client_secret" => IdentityKind::ClientSecret {
            tenant_id: required("tenant_id", keys.tenant_id)?,
            client_id: required("client_id", keys.client_id)?,
            secret_env: keys.client_secret_env.to_owned(),
        },
        "azure_cli" => IdentityKind::AzureCli,
        other => {
            return Err(CliError::usage(format!(
                "{}.auth is \"{other}\", expected {others}, managed_identity, workload_identity, client_secret or azure_cli",
                keys.section
            ))
            .hint("managed_identity on Azure machines, workload_identity on Kubernetes, azure_cli at your desk"));
        }
    };
    Ok(Identity { section: keys.section, kind, scope: keys.scope.to_owned(), ca_file: keys.ca_file })
}
